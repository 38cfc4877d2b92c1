"""The bytes: Signature Version 4, errors, and AWS's protocols by botocore's models: JSON 1.1 and Query (iam, sts).

One request goes through four steps: `models.identify` finds the service and the operation without reading parameters,
`parsing.parse` turns the body into Python values by the input shape, `validation.validate` checks every constraint of
the model and answers with AWS's texts, `serializing.serialize` (or `serialize_error`) writes the answer by the output
shape.
"""
