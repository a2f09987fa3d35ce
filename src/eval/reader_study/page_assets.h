// The page's template, style and script, out of files that the build turns into strings.
#pragma once

namespace medisyn {

extern const char* const kReaderPageTemplate;  ///< page.html
extern const char* const kReaderPageStyle;     ///< page.css
extern const char* const kReaderPageScript;    ///< dom.js ... run.js, one after the other

}  // namespace medisyn
