#include "medisyn/data/transforms.h"

#include <torch/types.h>

#include "medisyn/core/error.h"

namespace medisyn {

torch::Tensor to_tensor(const Image& image) {
  const auto expected = static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) * 3;
  TORCH_CHECK(image.pixels.size() == expected, "to_tensor: ", image.pixels.size(), " bytes for a picture of ",
              image.height, " x ", image.width, " x 3");
  const torch::Tensor bytes =
      torch::from_blob(const_cast<std::uint8_t*>(image.pixels.data()),  // NOLINT: only read
                       {image.height, image.width, 3}, torch::kUInt8);
  return bytes.permute({2, 0, 1}).to(torch::kFloat32).div_(127.5).sub_(1.0).contiguous();
}

Image to_image(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.dim() == 3 && tensor.size(0) == 3, "to_image expects [3, H, W], got ", tensor.sizes());
  const torch::Tensor values = tensor.detach().to(torch::kCPU, torch::kFloat32);
  if (values.isnan().any().item<bool>()) {
    fail("a picture of {} x {} holds NaN values: the model that made it is broken or its dtype too narrow",
         tensor.size(2), tensor.size(1));
  }
  const torch::Tensor bytes = values.add(1.0)
                                  .mul_(127.5)
                                  .clamp_(0.0, 255.0)
                                  .round_()
                                  .to(torch::kUInt8)
                                  .permute({1, 2, 0})
                                  .contiguous();
  Image image{static_cast<int>(bytes.size(0)), static_cast<int>(bytes.size(1)), {}};
  const auto* data = bytes.data_ptr<std::uint8_t>();
  image.pixels.assign(data, data + bytes.numel());
  return image;
}

}  // namespace medisyn
