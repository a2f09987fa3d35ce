#include "job_store.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "medisyn/core/error.h"
#include "medisyn/core/numbers.h"

namespace medisyn {
namespace {

/// Of IPv4 at 127.0.0.1, or of IPv6 and IPv4 at every address where this machine has both. -1 when it fails.
int bound_socket(std::uint16_t port, bool is_local) {
  const int yes = 1, no = 0;
  int socket = is_local ? -1 : ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_v6 = socket >= 0;
  if (!is_v6) {
    socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  }
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(is_local ? INADDR_LOOPBACK : INADDR_ANY);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_any;
  if (is_v6) {
    setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
  }
  const auto* address =
      is_v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  if (bind(socket, address, is_v6 ? sizeof(v6) : sizeof(v4)) != 0) {
    const int reason = errno;
    close(socket);
    errno = reason;
    return -1;
  }
  return socket;
}

int listening_socket(std::uint16_t port, bool is_local) {
  const int socket = bound_socket(port, is_local);
  constexpr int kWaiting = 2048;
  if (socket < 0 || listen(socket, kWaiting) != 0) {
    fail(
        "the port {} of this machine, where the ranks of this job meet, cannot be opened: {}; set "
        "MASTER_PORT",
        port, std::strerror(errno));
  }
  return socket;
}

std::uint16_t port_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

c10::intrusive_ptr<c10d::TCPStore> connect(const std::string& host, std::uint16_t port,
                                           std::optional<int> socket, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = port;
  options.isServer = socket.has_value();
  options.waitWorkers = false;
  options.timeout = timeout;
  if (socket) {
    options.masterListenFd = *socket;
  }
  return c10::make_intrusive<c10d::TCPStore>(host, options);
}

std::string_view first_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

constexpr const char* kStates[]{"alive", "done", "ended"};

}  // namespace

c10::intrusive_ptr<c10d::TCPStore> serve_store() {
  const int socket = listening_socket(0, true);
  constexpr std::chrono::seconds kTimeout{10};
  return connect("127.0.0.1", port_of(socket), socket, kTimeout);
}

StorePointer join_store(const Rendezvous& rendezvous, bool serves, std::chrono::milliseconds timeout) {
  std::optional<int> socket;
  if (serves) {
    socket = listening_socket(rendezvous.port, rendezvous.is_local());
  }
  try {
    return c10::make_intrusive<c10d::PrefixStore>(rendezvous.job,
                                                  connect(rendezvous.host, rendezvous.port, socket, timeout));
  } catch (const c10::DistError&) {
    fail(
        "no rank of this job answers at {}:{} within {} s: is {} running, and does a firewall stand between?",
        rendezvous.host, rendezvous.port, timeout.count() / 1000,
        rendezvous.is_served_by_first ? "rank 0" : "the launcher");
  }
}

std::string rank_key(std::int64_t rank) { return fmt::format("rank/{}", rank); }

void write_record(c10d::Store& store, std::int64_t rank, const RankRecord& record) {
  std::string text = record.text;
  std::replace(text.begin(), text.end(), '\n', ' ');
  store.set(rank_key(rank),
            fmt::format("{}\n{}\n{}", kStates[static_cast<int>(record.state)], record.beat, text));
}

RankRecord parse_record(const std::vector<std::uint8_t>& bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string_view state = first_line(text);
  RankRecord record;
  record.state = state == kStates[0]   ? RankRecord::State::kAlive
                 : state == kStates[1] ? RankRecord::State::kDone
                                       : RankRecord::State::kEnded;
  record.beat = parse_number<std::int64_t>(first_line(text)).value_or(0);
  record.text = text;
  return record;
}

std::string death_line(std::int64_t rank, std::int64_t world, const std::string& phase) {
  return fmt::format("rank {} of {} died in: {}", rank, world, phase);
}

}  // namespace medisyn
