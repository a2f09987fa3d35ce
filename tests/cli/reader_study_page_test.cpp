// The page of an exported study in headless Chromium, by scripts/test_reader_study_page.py: from disk and
// through the server. Skipped, and said so, where Chromium is not installed (scripts/setup_peers.sh installs
// it).
#include <cstdlib>

#include "reader_study_fixture.h"

namespace medisyn {
namespace {

bool has_program(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

class ReaderStudyPage : public ReaderStudy {
 protected:
  void SetUp() override {
    if (!has_program("chromium") || !has_program("chromedriver")) {
      GTEST_SKIP() << "chromium and chromedriver are not installed (apt-get install chromium "
                      "chromium-driver): the page "
                      "is not tested in a browser";
    }
    ReaderStudy::SetUp();
  }

  void answer_in_a_browser(const Words& more) {
    Words words = {"export", "--config", "study.yaml", "--out", "a", "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    const ProgramResult result = run(words);
    ASSERT_EQ(result.exit_code, 0) << result.errors;
    const std::string script = std::string(MEDISYN_SOURCE) + "/scripts/test_reader_study_page.py";
    const std::string command = fmt::format("python3 '{}' '{}' '{}' >'{}' 2>&1", script, MEDISYN_PROGRAM,
                                            (folder_ / "a").string(), (folder_ / "browser.log").string());
    EXPECT_EQ(std::system(command.c_str()), 0) << slurp(folder_ / "browser.log");
  }
};

TEST_F(ReaderStudyPage, IsAnsweredFromDiskAndThroughTheServer) { answer_in_a_browser({}); }

TEST_F(ReaderStudyPage, GoesBackWhereTheStudyAllowsIt) { answer_in_a_browser({"--set", "allow_back=true"}); }

}  // namespace
}  // namespace medisyn
