#include "medisyn/eval/reader_study/study_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <cstdlib>
#include <optional>

#include "deadline_stream.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr std::size_t kThreads = 16;
constexpr int kWaiting = 256;  // connections that wait for a thread

SiteRequest site_request(const httplib::Request& request) {
  const std::string& target = request.target;
  return {.method = request.method,
          .target = target.substr(0, target.find('?')),
          .content_type = request.get_header_value("Content-Type"),
          .body = request.body,
          .address = request.remote_addr};
}

void fill(httplib::Response& response, const SiteReply& reply) {
  response.status = reply.status;
  for (const auto& [name, value] : reply.headers) {
    response.set_header(name, value);
  }
  if (!reply.body.empty()) {
    response.set_content(reply.body, reply.type);
  }
}

/// A body of unknown length, or one that must be unpacked, may be larger than any limit.
bool has_hidden_length(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding") || request.has_header("Content-Encoding") ||
         (request.method == "POST" && request.get_header_value_count("Content-Length") != 1);
}

/// Nothing for a POST whose body is plain and small enough to be read.
std::optional<SiteReply> refuse_body(const httplib::Request& request) {
  if (has_hidden_length(request)) {
    return SiteReply{.status = 411, .body = "expected a plain body with Content-Length\n"};
  }
  if (std::strtoull(request.get_header_value("Content-Length").c_str(), nullptr, 10) >
      StudySite::kMostBodyBytes) {
    return SiteReply{.status = 413, .body = "the answer is too long\n"};
  }
  return std::nullopt;
}

}  // namespace

/// cpp-httplib's server with connections that end: no keep-alive, so that no reader's browser holds a thread.
class HttpListener : public httplib::Server {
 public:
  explicit HttpListener(StudySite& site) {
    set_default_headers_of(site);
    set_payload_max_length(StudySite::kMostBodyBytes);
    new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    set_socket_options([](socket_t socket) {
      const int yes = 1;  // a restart finds its port free; two servers on one port stay an error
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    set_pre_routing_handler([&site](const httplib::Request& request, httplib::Response& response) {
      std::optional<SiteReply> reply = site.before_body(site_request(request));
      if (!reply) {
        reply = refuse_body(request);
      }
      if (!reply) {
        return HandlerResponse::Unhandled;
      }
      fill(response, *reply);
      return HandlerResponse::Handled;
    });
    Post("/r/.*", [&site](const httplib::Request& request, httplib::Response& response) {
      fill(response, site.with_body(site_request(request)));
    });
  }

  int bind(const std::string& host, int port) {
    const int bound = port == 0 ? bind_to_any_port(host) : (bind_to_port(host, port) ? port : -1);
    if (bound > 0) {
      ::listen(svr_sock_, kWaiting);  // the library's own queue is 5 long
    }
    return bound;
  }

 private:
  void set_default_headers_of(const StudySite& site) {
    httplib::Headers headers;
    for (const auto& header : site.headers_of_all()) {
      headers.insert(header);
    }
    set_default_headers(headers);
  }

  bool process_and_close_socket(socket_t socket) override {
    DeadlineStream stream(socket);
    bool is_closed = false;
    const bool is_done = process_request(stream, /*close_connection=*/true, is_closed, nullptr);
    stream.close();
    return is_done;
  }
};

StudyServer::StudyServer(StudySite& site, const std::string& host, int port)
    : listener_(std::make_unique<HttpListener>(site)), port_(listener_->bind(host, port)) {
  if (port_ <= 0) {
    fail("{}:{}: cannot be bound: is the port in use, or the host not of this machine? Name another --port",
         host, port);
  }
  thread_ = std::thread([this] { listener_->listen_after_bind(); });
}

StudyServer::~StudyServer() {
  while (!listener_->is_running()) {  // a stop before the start would be lost
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  listener_->stop();
  thread_.join();
}

}  // namespace medisyn
