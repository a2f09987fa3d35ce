// Sends bytes to a server of this machine as they are: what no well-behaved client would send, too.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace medisyn {

struct HttpReply {
  int status = 0;  ///< 0: no connection, or closed without a reply
  std::string head = {}, body = {};
};

inline HttpReply send_bytes(int port, const std::string& bytes) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string reply;
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    std::array<char, 65536> buffer{};
    for (ssize_t n = 0; (n = recv(connection, buffer.data(), buffer.size(), 0)) > 0;) {
      reply.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }
  close(connection);
  const std::size_t end = reply.find("\r\n\r\n");
  if (!reply.starts_with("HTTP/1.1 ") || end == std::string::npos) {
    return {};
  }
  return {std::atoi(reply.c_str() + 9), reply.substr(0, end), reply.substr(end + 4)};
}

/// `headers`: whole lines. With a body, its type and length are added.
inline std::string http_request(const std::string& method, const std::string& target,
                                const std::string& body = "", const std::string& headers = "") {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}", method, target, headers);
  if (!body.empty()) {
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  }
  return text + "\r\n" + body;
}

inline HttpReply ask_server(int port, const std::string& method, const std::string& target,
                            const std::string& body = "") {
  return send_bytes(port, http_request(method, target, body));
}

}  // namespace medisyn
