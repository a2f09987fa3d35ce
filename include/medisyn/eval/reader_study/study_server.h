// The network side of a served study: HTTP/1.1 without TLS, one request a connection.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "medisyn/eval/reader_study/study_site.h"

namespace medisyn {

class HttpListener;

/// Answers from its construction to its end. Limits of each connection: 16 KiB to read, 10 s to read a
/// request and 30 s to take the reply; what is beyond is cut off.
class StudyServer {
 public:
  /// Port 0: any free one. Error when the address cannot be bound.
  StudyServer(StudySite& site, const std::string& host, int port);
  /// Takes no more requests, and answers those that came.
  ~StudyServer();
  StudyServer(const StudyServer&) = delete;
  StudyServer& operator=(const StudyServer&) = delete;

  int port() const { return port_; }

 private:
  std::unique_ptr<HttpListener> listener_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace medisyn
