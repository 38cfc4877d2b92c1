#!/bin/sh
# Serves the page on port 8080.
cd /www
httpd -p 8080
