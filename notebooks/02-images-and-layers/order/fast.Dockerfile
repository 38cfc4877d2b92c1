FROM ecrlab/base:1
COPY parts.bin /srv/parts.bin
COPY www /srv/www
CMD ["httpd", "-f", "-p", "8080", "-h", "/srv/www"]
