// The subcommands of `medisyn model`.
#pragma once

namespace medisyn {

int model_convert_command(int argc, char** argv);
int model_export_command(int argc, char** argv);
int model_init_command(int argc, char** argv);
int model_inspect_command(int argc, char** argv);
int model_tokenize_command(int argc, char** argv);
int model_train_tokenizer_command(int argc, char** argv);

}  // namespace medisyn
