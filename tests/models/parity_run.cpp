// Runs one network on given inputs and writes its output and gradients: the half of scripts/parity_models.py
// that is medisyn's.
//
//   parity_run TASK WEIGHTS INPUTS.safetensors OUTPUTS.safetensors [--dtype bf16] [--zero PARAMETER]
//   [--no-gradients]
//
// WEIGHTS is a component's folder, or a file of weights for the networks without a config. INPUTS holds what
// the task takes and, for gradients, `cotangent`: the loss is the sum of output times cotangent. OUTPUTS
// holds `output`, `gradients.NAME` for each parameter, and in its metadata the seconds of the forward and the
// backward pass.
#include <torch/nn.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "medisyn/core/error.h"
#include "medisyn/models/biomedclip.h"
#include "medisyn/models/clip_vision.h"
#include "medisyn/models/component.h"
#include "medisyn/models/inception_v3.h"
#include "medisyn/models/resnet_50.h"

namespace medisyn {
namespace {

struct Task {
  std::shared_ptr<torch::nn::Module> module;
  std::function<torch::Tensor()> forward;
};

const torch::Tensor& input(const TensorMap& inputs, const std::string& name) {
  const auto found = inputs.find(name);
  if (found == inputs.end()) {
    fail("expected the input {}", name);
  }
  return found->second;
}

template <class Model>
Model classifier(const std::filesystem::path& weights, torch::ScalarType dtype) {
  Model model;
  load_parameters(*model, weights, {}, dtype);
  model->eval();
  return model;
}

Task unet(const std::filesystem::path& weights, const TensorMap& inputs, torch::ScalarType dtype) {
  auto model = load_component<UNet2DConditionModel>(weights, dtype);
  const AddedConditions added =
      inputs.contains("text_embeds")
          ? AddedConditions{input(inputs, "text_embeds").to(dtype), input(inputs, "time_ids")}
          : AddedConditions{};
  return {model.ptr(), [model, inputs, added, dtype]() mutable {
            return model->forward(input(inputs, "sample").to(dtype), input(inputs, "timestep"),
                                  input(inputs, "encoder_hidden_states").to(dtype), added);
          }};
}

Task text_with_projection(const std::filesystem::path& weights, const TensorMap& inputs,
                          torch::ScalarType dtype, bool pooled) {
  auto model = load_component<CLIPTextModelWithProjection>(weights, dtype);
  return {model.ptr(), [=]() mutable {
            const CLIPTextOutput output = model->outputs(input(inputs, "input_ids"));
            return pooled ? output.pooled : output.penultimate;
          }};
}

Task make_task(const std::string& name, const std::filesystem::path& weights, const TensorMap& inputs,
               torch::ScalarType dtype) {
  if (name == "unet") {
    return unet(weights, inputs, dtype);
  }
  if (name == "vae_encode" || name == "vae_decode") {
    auto model = load_component<AutoencoderKL>(weights, dtype);
    const torch::Tensor sample = input(inputs, "sample").to(dtype);
    const bool encodes = name == "vae_encode";
    return {model.ptr(), [=]() mutable { return encodes ? model->encode(sample) : model->decode(sample); }};
  }
  if (name == "clip_text") {
    auto model = load_component<CLIPTextModel>(weights, dtype);
    return {model.ptr(), [=]() mutable { return model->forward(input(inputs, "input_ids")); }};
  }
  if (name == "clip_text_pooled" || name == "clip_text_penultimate") {
    return text_with_projection(weights, inputs, dtype, name == "clip_text_pooled");
  }
  if (name == "bert") {
    auto model = load_component<BertModel>(weights, dtype);
    return {model.ptr(), [=]() mutable { return model->forward(input(inputs, "input_ids")); }};
  }
  if (name == "biomedclip_image" || name == "biomedclip_text") {
    BiomedClip model = load_biomedclip(weights).model;
    const bool is_text = name == "biomedclip_text";
    return {model.ptr(), [=]() mutable {
              return is_text ? model->encode_text(input(inputs, "input_ids"))
                             : model->encode_image(input(inputs, "sample"));
            }};
  }
  if (name == "clip_image") {
    CLIPVisionModel model = load_clip_vision(weights);
    return {model.ptr(), [=]() mutable { return model->forward(input(inputs, "sample")); }};
  }
  if (name == "inception") {
    auto model = classifier<InceptionV3>(weights, dtype);
    return {model.ptr(), [=]() mutable { return model->features(input(inputs, "sample")); }};
  }
  if (name == "resnet_50") {
    auto model = classifier<ResNet50>(weights, dtype);
    return {model.ptr(), [=]() mutable { return model->forward(input(inputs, "sample")); }};
  }
  fail("{}: no such task", name);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Options {
  torch::ScalarType dtype = torch::kFloat;
  std::string zero;
  bool gradients = true;
};

void zero_parameter(torch::nn::Module& module, const std::string& name) {
  const torch::NoGradGuard no_grad;
  auto parameters = module.named_parameters();
  torch::Tensor* parameter = parameters.find(name);
  if (parameter == nullptr) {
    fail("{}: no such parameter", name);
  }
  parameter->set_data(torch::zeros_like(*parameter));
}

void run(const std::string& name, const std::filesystem::path& weights, const std::filesystem::path& in,
         const std::filesystem::path& out, const Options& options) {
  const TensorMap inputs = Safetensors(in).all();
  const Task task = make_task(name, weights, inputs, options.dtype);
  if (!options.zero.empty()) {
    zero_parameter(*task.module, options.zero);
  }
  const torch::AutoGradMode grad_mode(options.gradients);
  auto start = std::chrono::steady_clock::now();
  const torch::Tensor output = task.forward();
  const double forward_seconds = seconds_since(start);
  TensorMap results{{"output", output.detach().to(torch::kFloat)}};
  start = std::chrono::steady_clock::now();
  if (options.gradients) {
    (output * input(inputs, "cotangent")).sum().backward();
    for (const auto& parameter : task.module->named_parameters()) {
      if (parameter.value().grad().defined()) {
        results["gradients." + parameter.key()] = parameter.value().grad();
      }
    }
  }
  const double backward_seconds = seconds_since(start);
  std::int64_t parameters = parameter_count(*task.module);
  write_safetensors(out, results,
                    {{"forward_seconds", fmt::format("{:.3f}", forward_seconds)},
                     {"backward_seconds", fmt::format("{:.3f}", backward_seconds)},
                     {"parameters", fmt::format("{}", parameters)}});
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 5; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--no-gradients") {
      options.gradients = false;
    } else if (word == "--dtype" && i + 1 < argc) {
      options.dtype = std::string(argv[++i]) == "bf16" ? torch::kBFloat16 : torch::kFloat;
    } else if (word == "--zero" && i + 1 < argc) {
      options.zero = argv[++i];
    } else {
      fail("{}: no such option", word);
    }
  }
  return options;
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
  try {
    if (argc < 5) {
      medisyn::fail(
          "usage: parity_run TASK WEIGHTS INPUTS OUTPUTS [--dtype bf16] [--zero PARAMETER] [--no-gradients]");
    }
    medisyn::run(argv[1], argv[2], argv[3], argv[4], medisyn::parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
