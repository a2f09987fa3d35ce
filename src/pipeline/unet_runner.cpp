#include "medisyn/pipeline/unet_runner.h"

namespace medisyn {
namespace {

/// Writes new values to where the old ones lie.
void overwrite(torch::Tensor& old, const torch::Tensor& values) {
  if (old.defined()) {
    old.copy_(values);
  }
}

/// t for every image of the batch: [B] fp32.
torch::Tensor timesteps_of(const torch::Tensor& sample, double t) {
  return torch::full({sample.size(0)}, t, torch::dtype(torch::kFloat).device(sample.device()));
}

torch::Tensor own_copy(const torch::Tensor& values) {
  return values.defined() ? values.clone(torch::MemoryFormat::Contiguous) : values;
}

}  // namespace

UNetRunner::UNetRunner(UNet2DConditionModel unet, Recorder recorder)
    : unet_(std::move(unet)), recorder_(std::move(recorder)) {}

void UNetRunner::start(const Conditions& conditions) {
  is_first_ = true;
  if (text_ && text_->tokens().sizes() == conditions.tokens.sizes()) {
    text_->replace(conditions.tokens);
    overwrite(added_.text_embeds, conditions.added.text_embeds);
    overwrite(added_.time_ids, conditions.added.time_ids);
    return;
  }
  forget();
  text_ = Context::kept(own_copy(conditions.tokens));
  added_ = {.text_embeds = own_copy(conditions.added.text_embeds),
            .time_ids = own_copy(conditions.added.time_ids)};
}

torch::Tensor UNetRunner::step(const torch::Tensor& sample, double t) {
  TORCH_CHECK(text_, "start() comes first");
  const bool was_first = std::exchange(is_first_, false);
  if (recorder_ && !was_first) {
    return replay(sample, t);
  }
  return run(sample, timesteps_of(sample, t));
}

torch::Tensor UNetRunner::run(const torch::Tensor& sample, const torch::Tensor& timesteps) {
  return unet_->forward(sample, timesteps, *text_, added_);
}

torch::Tensor UNetRunner::replay(const torch::Tensor& sample, double t) {
  if (!again_ || sample_.sizes() != sample.sizes()) {
    again_ = nullptr;  // its memory first
    sample_ = sample.clone();
    timesteps_ = timesteps_of(sample, t);
    again_ = recorder_([this] { prediction_ = run(sample_, timesteps_); });
  } else {
    sample_.copy_(sample);
    timesteps_.fill_(t);
  }
  again_();
  return prediction_.clone();  // the next step writes over it
}

void UNetRunner::forget() {
  again_ = nullptr;
  sample_ = timesteps_ = prediction_ = torch::Tensor();
}

}  // namespace medisyn
