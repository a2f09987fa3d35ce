#include <array>

#include "medisyn/cli/eval_commands.h"
#include "medisyn/cli/reader_study_commands.h"
#include "medisyn/cli/subcommands.h"

namespace medisyn {

int eval_reader_study_command(int argc, char** argv) {
  constexpr std::array<Subcommand, 4> kCommands{{
      {"export", reader_study_export_command, "draw a study's images and write its folder and its key"},
      {"serve", reader_study_serve_command, "the page for readers with secret links, answers in a database"},
      {"score", reader_study_score_command, "readers' answers and the key -> tables, intervals, a page"},
      {"plan", reader_study_plan_command, "how wide the intervals will be, by readers and cases"},
  }};
  return run_subcommand("medisyn eval reader-study",
                        "A blinded study: can readers tell synthetic images from real ones?", kCommands, argc,
                        argv);
}

}  // namespace medisyn
