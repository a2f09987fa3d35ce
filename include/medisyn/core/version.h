// The program's version.
#pragma once

namespace medisyn {

/// "0.1.0"
const char* version();

}  // namespace medisyn
