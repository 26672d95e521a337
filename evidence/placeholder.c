/* removed with the first source of this room */ extern int bulla_placeholder_evidence; int bulla_placeholder_evidence;
