// The subcommands of `medisyn eval reader-study`.
#pragma once

namespace medisyn {

int reader_study_export_command(int argc, char** argv);
int reader_study_serve_command(int argc, char** argv);
int reader_study_score_command(int argc, char** argv);
int reader_study_plan_command(int argc, char** argv);

}  // namespace medisyn
