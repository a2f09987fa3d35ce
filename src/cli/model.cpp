#include <array>

#include "medisyn/cli/commands.h"
#include "medisyn/cli/model_commands.h"
#include "medisyn/cli/subcommands.h"

namespace medisyn {

int model_command(int argc, char** argv) {
  constexpr std::array<Subcommand, 1> kCommands{
      {{"tokenize", model_tokenize_command, "the ids of texts, as a model's tokenizer gives them"}}};
  return run_subcommand("medisyn model", "Looks into model folders.", kCommands, argc, argv);
}

}  // namespace medisyn
