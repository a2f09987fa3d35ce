#include <array>

#include "medisyn/cli/commands.h"
#include "medisyn/cli/model_commands.h"
#include "medisyn/cli/subcommands.h"

namespace medisyn {

int model_command(int argc, char** argv) {
  constexpr std::array<Subcommand, 6> kCommands{{
      {"inspect", model_inspect_command, "what a model folder holds, and whether it is whole"},
      {"init", model_init_command, "a model folder of random weights, after a description"},
      {"convert", model_convert_command, "another dtype; a folder from a single file, and back"},
      {"export", model_export_command, "a training run's model, to pass on"},
      {"tokenize", model_tokenize_command, "the ids of texts, as a model's tokenizer gives them"},
      {"train-tokenizer", model_train_tokenizer_command,
       "a SentencePiece vocabulary of a manifest's captions"},
  }};
  return run_subcommand("medisyn model", "Shows, makes and converts model folders.", kCommands, argc, argv);
}

}  // namespace medisyn
