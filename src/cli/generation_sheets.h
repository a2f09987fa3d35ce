// Pictures of a whole run of `medisyn generate`.
#pragma once

#include "generation_folder.h"

namespace medisyn {

/// Writes contact_sheet.png of the first images of the first prompts. Nothing when no image is there.
void write_contact_sheet(const GenerationFolder& folder);

/// Writes sweep/00000.png, ...: one grid for each image of each prompt, scales across and steps down, and
/// sweep.csv (grid, file_name, text, seed, steps, scale).
void write_sweep(const GenerationFolder& folder, const Sweep& sweep);

}  // namespace medisyn
