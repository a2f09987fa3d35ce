#include "medisyn/train/step_dump.h"

#include "medisyn/core/files.h"
#include "medisyn/io/safetensors.h"

namespace medisyn {

void dump_step(const fs::path& run, const StepPart& part, const Batch& batch,
               const std::vector<SampleDraw>& draws, const std::vector<std::string>& ids,
               const torch::Tensor& loss) {
  TensorMap tensors = batch;
  tensors["loss"] = loss;
  tensors["sample_ids"] = torch::tensor(indices_of(draws));
  const fs::path folder = run / "steps";
  fs::create_directories(folder);
  write_safetensors(
      folder / fmt::format("{:04}-rank{}-micro{}.safetensors", part.step, part.rank, part.micro), tensors,
      {{"sample_ids", Json(ids).dump()}});
}

}  // namespace medisyn
