#include "medisyn/eval/classify/run_log.h"

#include <thread>

#include "../../expect_error.h"
#include "../../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

TEST(RunLog, ATornLineIsNoRunAndIsCutOff) {
  const fs::path file = fresh_folder() / "runs.jsonl";
  EXPECT_TRUE(read_run_log(file).lines.empty());
  append_run(file, {{"run", "a"}});
  append_run(file, {{"run", "b"}});
  const std::string whole = read_file(file);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {  // killed at any byte
    write_file(file, whole.substr(0, cut));
    const RunLog log = read_run_log(file);
    EXPECT_EQ(log.lines.size(), cut < whole.size() / 2 ? 0U : cut < whole.size() ? 1U : 2U);
    EXPECT_EQ(log.is_torn, cut % (whole.size() / 2) != 0);
    append_run(file, {{"run", "c"}});
    const RunLog next = read_run_log(file);
    EXPECT_FALSE(next.is_torn);
    ASSERT_EQ(next.lines.size(), log.lines.size() + 1);
    EXPECT_EQ(next.lines.back().value["run"], "c");
  }
  write_file(file, "{\"run\": \"a\"}\nno json\n");
  EXPECT_ERROR(read_run_log(file), "runs.jsonl:2");
}

TEST(RunLog, WritersDoNotMixTheirLines) {
  const fs::path file = fresh_folder() / "runs.jsonl";
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 25; ++i) {
        append_run(file, {{"writer", writer}, {"text", std::string(3000, 'x')}});
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_EQ(read_run_log(file).lines.size(), 100U);
}

}  // namespace
}  // namespace medisyn
