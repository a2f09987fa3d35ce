// A connection that neither sends without end nor keeps a thread waiting.
#pragma once

#include <httplib.h>

#include <chrono>
#include <string>

namespace medisyn {

/// Reads at most so many bytes until so many seconds after the connection came, and writes until some seconds
/// later: a sender of one byte a second, of endless headers or of endless chunks is cut off.
class DeadlineStream : public httplib::Stream {
 public:
  explicit DeadlineStream(int socket);

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* bytes, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

  /// Ends the sending, passes over what still comes for a moment (a close with unread bytes would destroy the
  /// reply on its way), closes.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  bool waits_for(short event, Clock::time_point deadline) const;

  int socket_;
  size_t left_;
  Clock::time_point read_until_;
  Clock::time_point write_until_;
};

}  // namespace medisyn
