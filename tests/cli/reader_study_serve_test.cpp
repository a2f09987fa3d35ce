// `medisyn eval reader-study serve` over the network: readers at once through kill -9, and requests that no
// browser sends.
#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "../eval/reader_study/study_fixture.h"
#include "../fresh_folder.h"
#include "../http_client.h"
#include "../run_program.h"
#include "medisyn/io/csv.h"

namespace medisyn {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kPair =
    R"({"part":"pairs","trial":"p001","left_synthetic":1,"right_synthetic":0,"response_ms":1})";

/// An answer with one key set to something else.
std::string with(const char* key, const Json& value) {
  Json answer = Json::parse(kPair);
  answer[key] = value;
  return answer.dump();
}

/// The part of a link behind host and port.
std::string path_of(const std::string& link) { return link.substr(link.find('/', 7)); }

class ReaderStudyServe : public testing::Test {
 protected:
  void TearDown() override {
    if (server_ > 0) {
      stop(SIGKILL);
    }
  }

  /// Waits until the server tells its links.
  void start(int readers, int port = 0) {
    fs::remove(folder_ / ".stdout");
    server_ = start_program({"eval", "reader-study", "serve", "study", "--database", "answers.sqlite",
                             "--readers", std::to_string(readers), "--port", std::to_string(port), "--json"},
                            folder_);
    for (int wait = 0; wait < 2000; ++wait) {
      const Json told = Json::parse(slurp(folder_ / ".stdout"), nullptr, /*allow_exceptions=*/false);
      if (told.is_object()) {
        const auto url = told["url"].get<std::string>();
        port_ = std::atoi(url.c_str() + url.rfind(':') + 1);
        admin_ = path_of(told["admin"]);
        links_.clear();
        for (const Json& reader : told["readers"]) {
          links_.push_back(path_of(reader["link"]));
        }
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << slurp(folder_ / ".stderr");
  }

  int stop(int signal) {
    kill(server_, signal);
    const int code = wait_for(server_, folder_).exit_code;
    server_ = 0;
    return code;
  }

  /// What the administrator exports, trial by trial.
  std::vector<std::vector<std::string>> stored() {
    write_file(folder_ / "export.csv", ask_server(port_, "GET", admin_ + "answers.csv").body);
    return read_csv(folder_ / "export.csv").rows;
  }

  fs::path folder_ = fresh_folder();
  pid_t server_ = 0;
  std::atomic<int> port_ = 0;
  std::string admin_;
  std::vector<std::string> links_;
};

/// Fifty readers who say what they were acknowledged.
class Readers {
 public:
  static constexpr int kReaders = 50, kPairs = 6;

  Readers(const std::atomic<int>& port, const std::vector<std::string>& links) {
    for (int reader = 0; reader < kReaders; ++reader) {
      threads_.emplace_back([this, &port, reader, link = links.at(static_cast<std::size_t>(reader))] {
        answer_all(port, reader, link + "answers");
      });
    }
  }
  ~Readers() { join(); }

  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) {
        thread.join();
      }
    }
  }
  int acknowledged() const { return acknowledged_; }
  int repeated() const { return repeated_; }
  const std::set<std::vector<std::string>>& answers() const { return answers_; }
  const std::map<int, int>& refusals() const { return refusals_; }

 private:
  void answer_all(const std::atomic<int>& port, int reader, const std::string& target) {
    std::mt19937 generator(static_cast<unsigned>(reader));
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    for (int i = 1; i <= kPairs; ++i) {
      const std::string trial = fmt::format("p{:03}", i);
      const unsigned left = generator() % 2, right = generator() % 2;
      const std::string body = fmt::format(
          R"({{"part":"pairs","trial":"{}","position":{},"left_synthetic":{},"right_synthetic":{},"response_ms":900}})",
          trial, i, left, right);
      int status = ask_server(port, "POST", target, body).status;
      while (status == 0 && std::chrono::steady_clock::now() < give_up) {  // killed, or its reply lost
        ++repeated_;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        status = ask_server(port, "POST", target, body).status;
      }
      const std::lock_guard lock(mutex_);
      if (status != 204) {
        ++refusals_[status];
        return;
      }
      ++acknowledged_;
      answers_.insert(
          {fmt::format("R{:02}", reader + 1), trial, std::to_string(left), std::to_string(right)});
    }
  }

  std::mutex mutex_;
  std::atomic<int> acknowledged_ = 0, repeated_ = 0;
  std::set<std::vector<std::string>> answers_;  // reader, trial, left, right
  std::map<int, int> refusals_;
  std::vector<std::thread> threads_;
};

TEST_F(ReaderStudyServe, FiftyReadersLoseNothingWhenItIsKilled) {
  write_study(folder_ / "study", small_study(Readers::kPairs, 1));
  start(Readers::kReaders);
  const std::string first_link = links_[0];
  Readers readers(port_, links_);
  constexpr int kAll = Readers::kReaders * Readers::kPairs;
  int before = 0;
  for (const int after : {30, 110, 190}) {
    for (int wait = 0; wait < 4000 && readers.acknowledged() < after; ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(stop(SIGKILL), 128 + SIGKILL);
    const int acknowledged = readers.acknowledged();
    EXPECT_GT(acknowledged, before);
    EXPECT_LT(acknowledged, kAll) << "it was killed too late";
    before = acknowledged;
    start(Readers::kReaders, port_);
  }
  readers.join();
  EXPECT_TRUE(readers.refusals().empty()) << readers.refusals().begin()->first;
  EXPECT_EQ(readers.acknowledged(), kAll);
  EXPECT_GT(readers.repeated(), 0);
  EXPECT_EQ(links_[0], first_link) << "links hold over a restart";
  std::set<std::vector<std::string>> found;
  const auto rows = stored();
  for (const auto& row : rows) {
    found.insert({row[1], row[3], row[5], row[6]});
  }
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(kAll)) << "each once";
  EXPECT_EQ(found, readers.answers());
  EXPECT_EQ(stop(SIGTERM), 143);
}

TEST_F(ReaderStudyServe, HostileRequestsAreRefused) {
  write_study(folder_ / "study", small_study());
  write_file(folder_ / "key.json", "{}");
  start(2);
  const std::string answers = links_[0] + "answers";
  const auto post = [&](const std::string& body, const std::string& headers = "") {
    return http_request("POST", answers, body, headers);
  };
  const std::string head = "POST " + answers + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  const struct {
    const char* what;
    std::set<int> statuses;  ///< 0: cut off
    std::string bytes;
  } kRequests[] = {
      {"traversal", {404}, http_request("GET", links_[0] + "../../../key.json")},
      {"traversal out of images", {404}, http_request("GET", links_[0] + "images/../../key.json")},
      {"traversal, encoded", {404}, http_request("GET", links_[0] + "images/%2e%2e%2f%2e%2e%2fkey.json")},
      {"traversal, encoded twice", {404}, http_request("GET", links_[0] + "images/%252e%252e%252fkey.json")},
      {"traversal with backslashes", {404}, http_request("GET", links_[0] + "images\\..\\..\\key.json")},
      {"a zero byte",
       {400, 404},
       http_request("GET", links_[0] + "images/" + std::string(1, '\0') + "key.json")},
      {"the database", {404}, http_request("GET", "/answers.sqlite")},
      {"the readers' links", {404}, http_request("GET", links_[0] + "readers.csv")},
      {"a whole address", {404}, http_request("GET", "http://localhost/etc/passwd")},
      {"another reader's name", {403}, post(with("reader", "R02"))},
      {"a reader's link as administrator's", {404}, http_request("GET", "/admin/" + links_[0].substr(3))},
      {"no reader's link", {404}, http_request("GET", "/r/" + std::string(32, 'a') + "/answers")},
      {"SQL for a link", {400, 404}, http_request("GET", "/r/' OR '1'='1/answers")},
      {"an oversized body", {413}, post(std::string(kPair) + std::string(5000, ' '))},
      {"a body of 10 GB, as it says", {413}, head + "Content-Length: 10000000000\r\n\r\n{}"},
      {"a body in chunks", {411}, head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n0\r\n\r\n"},
      {"a packed body", {411}, post(kPair, "Content-Encoding: gzip\r\n")},
      {"no length", {411}, head + "\r\n" + std::string(kPair)},
      {"two lengths", {400, 411}, head + "Content-Length: 2\r\nContent-Length: 90\r\n\r\n" + kPair},
      {"a form",
       {415},
       "POST " + answers + " HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"},
      {"bad JSON", {400}, post("{\"part\":")},
      {"no object", {400}, post("[1]")},
      {"SQL in a field", {404}, post(with("trial", "p001'; DROP TABLE answers; --"))},
      {"script in a name", {404}, post(with("part", "<script>alert(1)</script>"))},
      {"a value that is none", {422}, post(with("left_synthetic", 7))},
      {"a method for nothing", {405}, http_request("DELETE", answers)},
      {"endless headers", {0, 400, 414, 431}, "GET / HTTP/1.1\r\n" + std::string(40000, 'a')},
      {"a long address", {414}, http_request("GET", std::string("/").append(4000, 'a'))},
      {"no HTTP", {0, 400}, "\x16\x03\x01 hello\r\n\r\n"},
  };
  for (const auto& request : kRequests) {
    const HttpReply reply = send_bytes(port_, request.bytes);
    EXPECT_TRUE(request.statuses.contains(reply.status))
        << request.what << ": " << reply.status << " " << reply.body;
    EXPECT_THAT(reply.body, Not(HasSubstr("<script"))) << request.what;
    EXPECT_THAT(reply.head, Not(HasSubstr("Server:"))) << request.what;
  }
  EXPECT_TRUE(stored().empty());
  EXPECT_EQ(ask_server(port_, "POST", answers, kPair).status, 204) << "it still takes an answer";
  EXPECT_EQ(stored().size(), 1U);

  const HttpReply page = ask_server(port_, "GET", links_[0]);
  for (const char* header :
       {"Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff",
        "X-Frame-Options: DENY", "Referrer-Policy: no-referrer", "Cache-Control: no-store"}) {
    EXPECT_THAT(page.head, HasSubstr(header));
  }
  EXPECT_THAT(page.head, Not(HasSubstr("unsafe-inline")));
}

TEST_F(ReaderStudyServe, ASecondServerAndABadFolderAreExplained) {
  write_study(folder_ / "study", small_study());
  start(1);
  const auto refused = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"eval", "reader-study", "serve"});
    fs::create_directories(folder_ / "other");
    const ProgramResult result = run_program(words, folder_ / "other");
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    return result.errors;
  };
  EXPECT_THAT(
      refused({"../study", "--database", "a.sqlite", "--readers", "1", "--port", std::to_string(port_)}),
      HasSubstr("cannot be bound"));
  EXPECT_THAT(refused({"../study", "--database", "../study/a.sqlite", "--readers", "1"}),
              HasSubstr("lies inside the folder that readers get"));
  EXPECT_THAT(refused({"../study", "--database", "b.sqlite"}), HasSubstr("expected --readers N"));
  EXPECT_THAT(refused({"nowhere", "--database", "b.sqlite"}), HasSubstr("study.json"));
  const ProgramResult exported = run_program({"eval", "reader-study", "serve", "study", "--database",
                                              "answers.sqlite", "--export", "all.csv", "--quiet"},
                                             folder_);
  EXPECT_EQ(exported.exit_code, 0) << exported.errors;
  EXPECT_THAT(slurp(folder_ / "all.csv"), testing::StartsWith("study_id,reader"));
}

}  // namespace
}  // namespace medisyn
