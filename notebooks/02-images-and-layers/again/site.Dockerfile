FROM ecrlab/base:1
COPY page.html /srv/www/page.html
LABEL line="1"
