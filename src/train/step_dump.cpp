#include "medisyn/train/step_dump.h"

#include "medisyn/core/files.h"
#include "medisyn/io/safetensors.h"

namespace medisyn {

void dump_step(const fs::path& run, const StepPart& part, const Batch& batch,
               const std::vector<SampleDraw>& draws, const std::vector<std::string>& ids,
               const torch::Tensor& loss) {
  std::vector<std::int64_t> rows;
  for (const SampleDraw& draw : draws) {
    rows.push_back(draw.index);
  }
  TensorMap tensors = batch;
  tensors["loss"] = loss;
  tensors["sample_ids"] = torch::tensor(rows);
  const fs::path folder = run / "steps";
  fs::create_directories(folder);
  write_safetensors(folder / fmt::format("{:04}-rank0-micro{}.safetensors", part.step, part.micro), tensors,
                    {{"sample_ids", Json(ids).dump()}});
}

}  // namespace medisyn
