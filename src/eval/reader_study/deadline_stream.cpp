#include "deadline_stream.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace medisyn {
namespace {

constexpr size_t kMostBytes = 16 * 1024;
constexpr std::chrono::seconds kReadTime{10};
constexpr std::chrono::seconds kWriteTime{30};
constexpr std::chrono::milliseconds kLingerTime{500};

void describe(const sockaddr_storage& address, socklen_t length, std::string& ip, int& port) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host.data(), host.size(),
                  service.data(), service.size(), NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
    ip = host.data();
    port = std::atoi(service.data());
  }
}

}  // namespace

DeadlineStream::DeadlineStream(int socket)
    : socket_(socket),
      left_(kMostBytes),
      read_until_(Clock::now() + kReadTime),
      write_until_(Clock::now() + kReadTime + kWriteTime) {}

bool DeadlineStream::waits_for(short event, Clock::time_point deadline) const {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd waiting{.fd = socket_, .events = event, .revents = 0};
  return left > 0 && poll(&waiting, 1, static_cast<int>(left)) > 0;
}

bool DeadlineStream::is_readable() const { return left_ > 0 && waits_for(POLLIN, read_until_); }
bool DeadlineStream::is_writable() const { return waits_for(POLLOUT, write_until_); }

ssize_t DeadlineStream::read(char* bytes, size_t size) {
  if (!is_readable()) {
    return -1;
  }
  const ssize_t count = recv(socket_, bytes, std::min(size, left_), 0);
  left_ -= static_cast<size_t>(std::max<ssize_t>(0, count));
  return count;
}

ssize_t DeadlineStream::write(const char* bytes, size_t size) {
  return is_writable() ? send(socket_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
}

void DeadlineStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    describe(address, length, ip, port);
  }
}

void DeadlineStream::get_local_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    describe(address, length, ip, port);
  }
}

void DeadlineStream::close() {
  shutdown(socket_, SHUT_WR);
  const Clock::time_point deadline = Clock::now() + kLingerTime;
  std::array<char, 4096> passed_over{};
  while (waits_for(POLLIN, deadline) && recv(socket_, passed_over.data(), passed_over.size(), 0) > 0) {
  }
  ::close(socket_);
}

}  // namespace medisyn
