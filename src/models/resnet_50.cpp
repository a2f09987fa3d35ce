#include "medisyn/models/resnet_50.h"

#include <string>

namespace medisyn {
namespace {

constexpr std::int64_t kExpansion = 4;

torch::nn::Conv2d make_conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

///   x ─┬─ conv1 1x1 ─ conv2 3x3 ─ conv3 1x1 ─ + ─ ReLU ─ y
///      └─ downsample 1x1, where size or channels change ┘
class BottleneckImpl : public torch::nn::Module {
 public:
  BottleneckImpl(std::int64_t in, std::int64_t inside, std::int64_t stride)
      : first_(add("1", make_conv(in, inside, 1))),
        second_(add("2", make_conv(inside, inside, 3, stride))),
        third_(add("3", make_conv(inside, inside * kExpansion, 1))) {
    if (stride != 1 || in != inside * kExpansion) {
      const auto conv = make_conv(in, inside * kExpansion, 1, stride);
      const torch::nn::BatchNorm2d norm(inside * kExpansion);
      register_module("downsample", torch::nn::Sequential(conv, norm));
      downsample_ = NormedConv(conv, norm);
    }
  }

  torch::Tensor forward(const torch::Tensor& input) {
    const torch::Tensor hidden = second_.forward(first_.forward(input, Activation::kRelu), Activation::kRelu);
    const torch::Tensor skipped = downsample_.defined() ? downsample_.forward(input) : input;
    return third_.forward(hidden, Activation::kRelu, skipped);
  }

  void fold() {
    for (NormedConv* layer : {&first_, &second_, &third_, &downsample_}) {
      layer->fold();
    }
  }

 private:
  /// conv1 and bn1, ...
  NormedConv add(const std::string& number, const torch::nn::Conv2d& conv) {
    const torch::nn::BatchNorm2d norm(conv->options.out_channels());
    return {register_module("conv" + number, conv), register_module("bn" + number, norm)};
  }

  NormedConv first_;
  NormedConv second_;
  NormedConv third_;
  NormedConv downsample_;
};
TORCH_MODULE(Bottleneck);

torch::nn::Sequential make_layer(std::int64_t in, std::int64_t inside, std::int64_t count,
                                 std::int64_t stride) {
  torch::nn::Sequential layer;
  for (std::int64_t i = 0; i < count; ++i) {
    layer->push_back(Bottleneck(i == 0 ? in : inside * kExpansion, inside, i == 0 ? stride : 1));
  }
  return layer;
}

/// He's normal initialisation by fan-out, as torchvision's.
void draw_convolutions(torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : model.parameters()) {
    if (parameter.dim() == 4) {
      torch::nn::init::kaiming_normal_(parameter, 0, torch::kFanOut, torch::kReLU);
    }
  }
}

}  // namespace

ResNet50Impl::ResNet50Impl(std::int64_t classes)
    : stem_{register_module("conv1", make_conv(3, 64, 7, 2)),
            register_module("bn1", torch::nn::BatchNorm2d(64))},
      layer1_(register_module("layer1", make_layer(64, 64, 3, 1))),
      layer2_(register_module("layer2", make_layer(256, 128, 4, 2))),
      layer3_(register_module("layer3", make_layer(512, 256, 6, 2))),
      layer4_(register_module("layer4", make_layer(1024, 512, 3, 2))),
      fc_(register_module("fc", torch::nn::Linear(kFeatures, classes))) {
  draw_convolutions(*this);
}

void ResNet50Impl::fold() {
  stem_.fold();
  for (const auto& layer : {layer1_, layer2_, layer3_, layer4_}) {
    for (const auto& block : layer->children()) {
      block->as<Bottleneck>()->fold();
    }
  }
}

torch::Tensor ResNet50Impl::features(const torch::Tensor& images) {
  torch::Tensor hidden = torch::max_pool2d(stem_.forward(images, Activation::kRelu), 3, 2, 1);
  hidden = layer4_->forward(layer3_->forward(layer2_->forward(layer1_->forward(hidden))));
  return hidden.mean({2, 3});
}

}  // namespace medisyn
