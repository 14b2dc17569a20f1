"""Measures whether synthetic notes are useful: does an ICD-10 classifier trained with them code real notes better?"""
