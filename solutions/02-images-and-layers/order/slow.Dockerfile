FROM ecrlab/base:1
COPY . /srv
CMD ["httpd", "-f", "-p", "8080", "-h", "/srv/www"]
