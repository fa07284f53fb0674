#include "sdk/sim/bluez/tree.h"

#include <set>
#include <utility>

namespace madoguchi::bluez {
namespace {

constexpr char kIntrospectable[] = "org.freedesktop.DBus.Introspectable";
constexpr char kProperties[] = "org.freedesktop.DBus.Properties";
constexpr char kObjectManager[] = "org.freedesktop.DBus.ObjectManager";
constexpr char kInvalidArgs[] = "org.freedesktop.DBus.Error.InvalidArgs";
constexpr char kUnknownMethod[] = "org.freedesktop.DBus.Error.UnknownMethod";
constexpr char kUnknownProperty[] = "org.freedesktop.DBus.Error.UnknownProperty";
constexpr char kPropertyReadOnly[] = "org.freedesktop.DBus.Error.PropertyReadOnly";
constexpr char kInvalidSignature[] = "org.freedesktop.DBus.Error.InvalidSignature";

std::string Quoted(const std::string& text) { return "'" + text + "'"; }

// An <arg> for each complete type in a signature.
std::string Arguments(const std::string& signature, const std::string& direction) {
  std::string xml;
  for (size_t at = 0; at < signature.size();) {
    size_t end = at;
    while (signature[end] == 'a') ++end;
    end = signature[end] == '{' ? signature.find('}', end) + 1 : end + 1;
    xml += "<arg type=\"" + signature.substr(at, end - at) + "\" direction=\"" + direction + "\"/>";
    at = end;
  }
  return xml;
}

void FailUnknownMethod(const Call& call) {
  call.Fail(kUnknownMethod, "Method \"" + call.member() + "\" with signature \"" +
                                call.signature() + "\" on interface \"" + call.interface() +
                                "\" doesn't exist\n");
}

}  // namespace

void Tree::Add(const std::string& path, const std::string& interface, Interface made) {
  const bool is_new = !objects_.contains(path);
  const Interface& added = objects_[path][interface] = std::move(made);
  Call::Interfaces told = {{interface, added.properties}};
  if (is_new) {
    told[kIntrospectable] = {};
    if (path != "/") told[kProperties] = {};
  }
  if (path != "/") bus_.InterfacesAdded(path, told);
}

void Tree::Remove(const std::string& path, const std::string& interface) {
  const auto object = objects_.find(path);
  if (object == objects_.end() || object->second.erase(interface) == 0) return;
  std::vector<std::string> told = {interface};
  if (object->second.empty()) {
    told.insert(told.end(), {kIntrospectable, kProperties});
    objects_.erase(object);
  }
  bus_.InterfacesRemoved(path, told);
}

void Tree::Remove(const std::string& path) {
  const auto object = objects_.find(path);
  if (object == objects_.end()) return;
  std::vector<std::string> told = {kIntrospectable, kProperties};
  for (const auto& [interface, _] : object->second) told.push_back(interface);
  objects_.erase(object);
  bus_.InterfacesRemoved(path, told);
}

Tree::Interface* Tree::At(const std::string& path, const std::string& interface) {
  const auto object = objects_.find(path);
  if (object == objects_.end()) return nullptr;
  const auto found = object->second.find(interface);
  return found == object->second.end() ? nullptr : &found->second;
}

const Value* Tree::Find(const std::string& path, const std::string& interface,
                        const std::string& property) const {
  const Interface* at = const_cast<Tree*>(this)->At(path, interface);
  if (at == nullptr) return nullptr;
  const auto found = at->properties.find(property);
  return found == at->properties.end() ? nullptr : &found->second;
}

void Tree::Set(const std::string& path, const std::string& interface, const Dict& changed) {
  Interface* at = At(path, interface);
  if (at == nullptr) return;
  Dict told;
  for (const auto& [name, value] : changed) {
    const auto now = at->properties.find(name);
    if (now != at->properties.end() && now->second == value) continue;
    at->properties.insert_or_assign(name, value);
    told.emplace(name, value);
  }
  if (!told.empty()) bus_.PropertiesChanged(path, interface, told, {});
}

void Tree::Tell(const std::string& path, const std::string& interface, const std::string& property,
                Value value) {
  Interface* at = At(path, interface);
  if (at == nullptr) return;
  at->properties.insert_or_assign(property, value);
  bus_.PropertiesChanged(path, interface, {{property, std::move(value)}}, {});
}

void Tree::Clear(const std::string& path, const std::string& interface,
                 const std::string& property) {
  Interface* at = At(path, interface);
  if (at == nullptr || at->properties.erase(property) == 0) return;
  bus_.PropertiesChanged(path, interface, {}, {property});
}

bool Tree::Take(const Call& call) {
  const auto found = objects_.find(call.path());
  if (found == objects_.end()) {
    if (call.path() != "/" && call.interface() != kIntrospectable) return false;
    TakeStandard({}, call);
    return true;
  }
  const auto interface = found->second.find(call.interface());
  if (interface == found->second.end()) {
    TakeStandard(found->second, call);
    return true;
  }
  const auto declared = interface->second.methods.find(call.member());
  if (declared == interface->second.methods.end() || declared->second.in != call.signature()) {
    FailUnknownMethod(call);
  } else if (!call.arguments()) {
    call.FailBluez("InvalidArguments", "Invalid arguments in method call");
  } else {
    const Method method = declared->second.method;  // The call may take its own object away.
    method(call);
  }
  return true;
}

void Tree::TakeStandard(const Object& object, const Call& call) {
  if (call.interface() == kIntrospectable && call.member() == "Introspect") {
    call.Reply({Introspection(call.path())});
  } else if (call.interface() == kObjectManager && call.member() == "GetManagedObjects" &&
             call.path() == "/") {
    TakeManagedObjects(call);
  } else if (call.interface() == kProperties && !object.empty()) {
    TakeProperties(object, call);
  } else {
    FailUnknownMethod(call);
  }
}

void Tree::TakeManagedObjects(const Call& call) {
  std::map<std::string, Call::Interfaces> all;
  for (const auto& [path, object] : objects_) {
    if (path == "/") continue;
    Call::Interfaces& interfaces = all[path];
    interfaces[kIntrospectable] = {};
    interfaces[kProperties] = {};
    for (const auto& [name, interface] : object) interfaces[name] = interface.properties;
  }
  call.ReplyObjects(all);
}

void Tree::TakeProperties(const Object& object, const Call& call) {
  const std::string wanted = call.member() == "Get"      ? "ss"
                             : call.member() == "GetAll" ? "s"
                                                         : "ssv";
  if ((call.member() != "Get" && call.member() != "GetAll" && call.member() != "Set") ||
      call.signature() != wanted) {
    FailUnknownMethod(call);
    return;
  }
  if (!call.arguments()) {
    call.Fail(kInvalidSignature, "Invalid signature for property");
    return;
  }
  const std::vector<Value>& arguments = *call.arguments();
  const auto& name = std::get<std::string>(arguments[0]);
  const auto interface = object.find(name);
  if (interface == object.end()) {
    call.Fail(kInvalidArgs, "No such interface " + Quoted(name));
    return;
  }
  if (call.member() == "GetAll") {
    call.Reply({interface->second.properties});
    return;
  }
  if (call.member() == "Set") {
    SetProperty(object, call, arguments);
    return;
  }
  const auto& property = std::get<std::string>(arguments[1]);
  const auto value = interface->second.properties.find(property);
  if (value == interface->second.properties.end()) {
    call.Fail(kInvalidArgs, "No such property " + Quoted(property));
    return;
  }
  call.ReplyVariant(value->second);
}

void Tree::SetProperty(const Object& object, const Call& call,
                       const std::vector<Value>& arguments) {
  const Interface& interface = object.at(std::get<std::string>(arguments[0]));
  const auto& property = std::get<std::string>(arguments[1]);
  const auto value = interface.properties.find(property);
  if (value == interface.properties.end()) {
    call.Fail(kUnknownProperty, "No such property " + Quoted(property));
    return;
  }
  const auto setter = interface.setters.find(property);
  if (setter == interface.setters.end()) {
    call.Fail(kPropertyReadOnly, "Property " + Quoted(property) + " is not writable");
    return;
  }
  if (value->second.index() != arguments[2].index()) {
    call.Fail(kInvalidSignature, "Invalid signature for " + Quoted(property));
    return;
  }
  const Setter set = setter->second;
  set(call, arguments[2]);
}

std::string Tree::Introspection(const std::string& path) const {
  std::string xml =
      "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
      "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>";
  if (const auto object = objects_.find(path); object != objects_.end()) {
    for (const auto& [name, interface] : object->second) {
      xml += "<interface name=\"" + name + "\">";
      for (const auto& [method, declared] : interface.methods) {
        xml += "<method name=\"" + method + "\">";
        xml += Arguments(declared.in, "in") + Arguments(declared.out, "out");
        xml += "</method>";
      }
      for (const auto& [property, value] : interface.properties) {
        xml += "<property name=\"" + property + "\" type=\"" + value.signature() + "\" access=\"" +
               (interface.setters.contains(property) ? "readwrite" : "read") + "\"/>";
      }
      xml += "</interface>";
    }
  }
  const std::string below = path == "/" ? "/" : path + "/";
  std::set<std::string> children;
  for (const auto& [other, _] : objects_) {
    if (other.size() > below.size() && other.starts_with(below)) {
      children.insert(other.substr(below.size(), other.find('/', below.size()) - below.size()));
    }
  }
  for (const std::string& child : children) xml += "<node name=\"" + child + "\"/>";
  return xml + "</node>";
}

}  // namespace madoguchi::bluez
