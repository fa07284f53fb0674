#ifndef MADOGUCHI_UI_TERMINAL_PLUGIN_TEXT_H_
#define MADOGUCHI_UI_TERMINAL_PLUGIN_TEXT_H_

#include <string>

#include "madoguchi/desk/v1/desk.pb.h"
#include "ui/terminal/text.h"

// Plugins, as an admin reads them. What comes from a plugin is made Printable.
namespace madoguchi::terminal {

// "running".
std::string PluginState(const desk::v1::PluginRow& row, Language language);
// All of them, a line each.
std::string PluginTable(const desk::v1::ListPluginsReply& list, Language language);
// What lies in the folder, as an admin needs to see it before saying yes.
std::string PluginPage(const desk::v1::InspectPluginReply& seen, Language language);

bool IsRunning(const desk::v1::InspectPluginReply& seen);
bool IsGranted(const desk::v1::PluginRow& row, const std::string& permission);

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_PLUGIN_TEXT_H_
