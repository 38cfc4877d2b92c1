// Serves the files of www/ on port 8080. No package is needed.
const http = require("node:http");
const fs = require("node:fs");
const path = require("node:path");

const files = { "/": "index.html", "/version.txt": "version.txt" };

http
  .createServer((request, response) => {
    const name = files[request.url];
    if (!name) {
      response.writeHead(404, { "Content-Type": "text/plain" });
      response.end("not here\n");
      return;
    }
    response.writeHead(200, { "Content-Type": name.endsWith(".html") ? "text/html" : "text/plain" });
    fs.createReadStream(path.join(__dirname, "www", name)).pipe(response);
  })
  .listen(8080);
