"""Builds k-hop question-answer data: questions as typed paths, complete answers, proofs, splits that leak nothing."""
