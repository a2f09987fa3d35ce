// What every page holds, out of files that the build turns into strings.
#pragma once

namespace medisyn {

extern const char* const kPageStyle;   ///< page.css
extern const char* const kPageScript;  ///< page.js: draws the charts
extern const char* const kChartJs;     ///< Chart.js 3.9.1 (MIT), out of Debian's libjs-chart.js

}  // namespace medisyn
