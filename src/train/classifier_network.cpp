#include "classifier_network.h"

#include <utility>

#include "medisyn/core/error.h"
#include "medisyn/core/random_key.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/models/init.h"
#include "medisyn/models/resnet_50.h"

namespace medisyn {
namespace {

template <class Model>
Model empty_model(std::int64_t classes) {
  const UninitialisedParameters guard;
  return Model(classes);
}

/// Tensors of the model's own, where those of a file are views of it; weights of convolutions channels-last.
void own_tensors(torch::nn::Module& model, torch::Device device) {
  for (torch::Tensor& parameter : model.parameters()) {
    const auto format =
        parameter.dim() == 4 ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous;
    parameter.set_data(parameter.detach().clone(format).to(device));
  }
  for (torch::Tensor& buffer : model.buffers()) {
    buffer.set_data(buffer.detach().clone().to(device));
  }
}

template <class Model>
ClassifierNetwork network_of(Model model, std::int64_t classes, torch::Device device,
                             const PixelLevels& levels) {
  return {.module = model.ptr(),
          .logits = [model](const torch::Tensor& images) mutable { return model->forward(images); },
          .frozen =
              [=] {
                const torch::NoGradGuard no_grad;
                auto copy = empty_model<Model>(classes);
                set_parameters(*copy, state_dict(*model), "");
                own_tensors(*copy, device);
                copy->eval();
                copy->fold();
                return network_of(copy, classes, device, levels);
              },
          .levels = levels};
}

template <class Model>
ClassifierNetwork load(const ClassifierConfig& config, std::int64_t classes, torch::Device device,
                       const std::string& last_layer, const PixelLevels& levels) {
  TensorMap tensors = read_weights(config.weights);
  torch::manual_seed(random_key({static_cast<std::uint64_t>(config.seed), hash_text("last layer")}));
  const torch::nn::Linear last(Model::Impl::kFeatures, classes);
  tensors[last_layer + ".weight"] = last->weight.detach();
  tensors[last_layer + ".bias"] = last->bias.detach();
  auto model = empty_model<Model>(classes);
  set_parameters(*model, std::move(tensors), config.weights, {}, torch::kFloat);
  own_tensors(*model, device);
  model->train();
  return network_of(model, classes, device, levels);
}

PixelLevels levels_by(const std::array<float, 3>& means, const std::array<float, 3>& deviations) {
  PixelLevels levels{};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t value = 0; value < 256; ++value) {
      levels[channel][value] = (static_cast<float>(value) / 255 - means[channel]) / deviations[channel];
    }
  }
  return levels;
}

}  // namespace

ClassifierNetwork load_classifier_network(const ClassifierConfig& config, std::int64_t classes,
                                          torch::Device device) {
  if (config.weights.empty()) {
    fail("classifier.weights: expected the ImageNet weights of {}: a .pth or .safetensors file",
         config.model);
  }
  if (config.model == "efficientnet_lite0") {  // as it was trained on ImageNet: (255 x - 127) / 128
    constexpr float kMean = 127.0F / 255;
    constexpr float kDeviation = 128.0F / 255;
    return load<EfficientNetLite0>(config, classes, device, "_fc",
                                   levels_by({kMean, kMean, kMean}, {kDeviation, kDeviation, kDeviation}));
  }
  return load<ResNet50>(config, classes, device, "fc",
                        levels_by({0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}));
}

}  // namespace medisyn
