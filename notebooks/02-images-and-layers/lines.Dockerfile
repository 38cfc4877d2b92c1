FROM ecrlab/base:1
WORKDIR /srv/www
ENV PORT=8080
COPY order/www/ .
LABEL team="booking"
EXPOSE 8080
USER nobody
CMD ["httpd", "-f", "-p", "8080"]
