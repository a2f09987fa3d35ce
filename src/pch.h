// The one precompiled header of every target that sees torch.
#pragma once

#include <fmt/format.h>
#include <torch/types.h>
