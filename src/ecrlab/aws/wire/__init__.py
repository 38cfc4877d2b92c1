"""The bytes: the protocols of botocore's models, Signature Version 4, errors."""
