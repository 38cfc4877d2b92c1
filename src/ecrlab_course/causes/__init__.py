"""Why a try did not reach its goal: read from the record, the cells, docker's logins and the file; never guessed."""
