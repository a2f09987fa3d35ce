// medisyn eval reader-study serve: a study's page for readers who have a link, their answers in a database.
#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "medisyn/cli/options.h"
#include "medisyn/cli/reader_study_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/core/numbers.h"
#include "medisyn/core/run_record.h"
#include "medisyn/eval/reader_study/answer_store.h"
#include "medisyn/eval/reader_study/study_server.h"
#include "medisyn/eval/reader_study/study_site.h"
#include "medisyn/io/csv.h"

namespace medisyn {
namespace {

struct ServeArguments {
  CommonOptions common = {};
  fs::path study;
  fs::path database;
  std::string readers;
  std::string host = "127.0.0.1";
  int port = 8080;
  std::string public_url;  ///< what readers reach, behind a proxy
  fs::path export_file;
};

void add_options(CLI::App& app, ServeArguments& arguments) {
  app.add_option("STUDY", arguments.study, "Folder study/ that export wrote")->required();
  app.add_option("--database", arguments.database, "SQLite file of readers and answers; a restart goes on")
      ->required()
      ->type_name("FILE");
  app.add_option("--readers", arguments.readers,
                 "How many (R01, R02, ...), or a CSV file with the columns reader and group; needed once")
      ->type_name("N|FILE");
  app.add_option("--host", arguments.host,
                 "Address to listen at; without TLS, so leave other machines to a proxy")
      ->capture_default_str();
  app.add_option("--port", arguments.port, "0: any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  app.add_option("--public-url", arguments.public_url,
                 "What stands before /r/... in the links, where a proxy with TLS is in front: https://...")
      ->type_name("URL");
  app.add_option("--export", arguments.export_file,
                 "Write all answers to this CSV file and end; serve nothing")
      ->type_name("FILE.csv");
  add_common_options(app, arguments.common, 0);
}

std::vector<Reader> readers_of_file(const fs::path& file) {
  const Table table = read_csv(file);
  const std::size_t name = table.column("reader");
  const std::size_t group = table.column("group");
  std::vector<Reader> readers;
  for (const auto& row : table.rows) {
    readers.push_back({.name = row[name], .group = row[group]});
  }
  return readers;
}

std::vector<Reader> readers_asked_for(const std::string& text) {
  constexpr int kMost = 999;
  const auto count = parse_number<int>(text);
  if (!count) {
    return readers_of_file(text);
  }
  if (*count < 1 || *count > kMost) {
    fail("--readers {}: expected 1 to {}, or a CSV file", *count, kMost);
  }
  std::vector<Reader> readers;
  for (int i = 1; i <= *count; ++i) {
    readers.push_back({.name = fmt::format("R{:02}", i)});
  }
  return readers;
}

/// The database holds every reader's secret, and the folder of the study is given away.
void require_outside(const fs::path& database, const fs::path& study) {
  const fs::path relative = fs::weakly_canonical(database).lexically_relative(fs::canonical(study));
  if (!relative.empty() && *relative.begin() != "..") {
    fail("--database {}: lies inside the folder that readers get; put it elsewhere", database.string());
  }
}

void add_readers(AnswerStore& store, const ServeArguments& arguments) {
  if (!arguments.readers.empty()) {
    store.add_readers(readers_asked_for(arguments.readers));
  }
  if (store.readers().empty()) {
    fail("{}: holds no readers yet: expected --readers N, or a CSV file", arguments.database.string());
  }
}

std::string base_url(const ServeArguments& arguments, int port) {
  if (!arguments.public_url.empty()) {
    const std::string& url = arguments.public_url;
    return url.substr(0, url.find_last_not_of('/') + 1);
  }
  const bool is_v6 = arguments.host.find(':') != std::string::npos;
  return fmt::format("http://{}:{}", is_v6 ? "[" + arguments.host + "]" : arguments.host, port);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// readers.csv beside the database, and the same on stdout. The mode of new files is 0600 (umask).
void tell_links(const ServeArguments& arguments, const AnswerStore& store, const std::string& url) {
  std::vector<std::vector<std::string>> rows;
  Json readers = Json::array();
  std::string text;
  for (const Reader& reader : store.readers()) {
    const std::string link = fmt::format("{}/r/{}/", url, reader.token);
    rows.push_back({reader.name, reader.group, link});
    readers.push_back({{"reader", reader.name}, {"group", reader.group}, {"link", link}});
    text += fmt::format("{:10} {:16} {}\n", reader.name, reader.group, link);
  }
  const fs::path file = arguments.database.parent_path() / "readers.csv";
  write_csv(file, {"reader", "group", "link"}, rows);
  const std::string admin = fmt::format("{}/admin/{}/", url, store.admin_secret());
  if (arguments.common.json) {
    fmt::print("{}\n", Json{{"url", url}, {"admin", admin}, {"readers", readers}}.dump());
  } else {
    fmt::print("{}{:27} {}\nThe links are in {}, too. Each is a secret of its reader.\n", text,
               "administrator", admin, file.string());
  }
  std::fflush(stdout);
}

void tell_where(const std::string& host, int port) {
  if (is_loopback(host)) {
    log_info("listening at {}:{}, which only this machine reaches; stop with Ctrl-C", host, port);
  } else {
    log_warning(
        "listening at {}:{} without TLS: links and answers can be read on the way. Let a proxy with TLS "
        "stand in "
        "front (--public-url), or keep to a network that you trust",
        host, port);
  }
}

}  // namespace

int reader_study_serve_command(int argc, char** argv) {
  CLI::App app("Serves a reader study: one secret link for each reader, every answer saved as it is given.");
  ServeArguments arguments;
  add_options(app, arguments);
  if (const auto code = parse_options(app, arguments.common, argc, argv)) {
    return *code;
  }
  umask(S_IRWXG | S_IRWXO);
  const Study study = read_study(arguments.study);
  require_outside(arguments.database, arguments.study);
  if (!arguments.export_file.empty()) {
    require_file(arguments.database, "the database of a served study");
    require_absent(arguments.export_file);
    const AnswerStore store(arguments.database, study);
    write_file(arguments.export_file, answers_csv(study, store.answers()));
    return 0;
  }
  AnswerStore store(arguments.database, study);
  add_readers(store, arguments);
  StudySite site(study, arguments.study, store);
  const StudyServer server(site, arguments.host, arguments.port);
  tell_links(arguments, store, base_url(arguments, server.port()));
  tell_where(arguments.host, server.port());
  while (!interrupted()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  log_info("stopped; every answer is in {}", arguments.database.string());
  return interrupt_exit_code();
}

}  // namespace medisyn
