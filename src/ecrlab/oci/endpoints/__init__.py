"""The end points below /v2/, a file for each noun: blobs, uploads, manifests, and what is listed."""
