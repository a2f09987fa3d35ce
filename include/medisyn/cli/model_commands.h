// The subcommands of `medisyn model`.
#pragma once

namespace medisyn {

int model_tokenize_command(int argc, char** argv);

}  // namespace medisyn
