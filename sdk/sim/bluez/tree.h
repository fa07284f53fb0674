#ifndef MADOGUCHI_SDK_SIM_BLUEZ_TREE_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_TREE_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sdk/sim/bluez/bus.h"
#include "sdk/sim/bluez/value.h"

namespace madoguchi::bluez {

// The objects of a D-Bus service, as bluetoothd's own D-Bus layer serves them: an ObjectManager at
// "/", Properties with its errors, Introspectable, and a signal for each change. For one thread.
class Tree {
 public:
  using Method = std::function<void(const Call&)>;
  // Called when somebody writes the property, with a value of the property's type; to answer the
  // call is its task.
  using Setter = std::function<void(const Call&, const Value&)>;

  struct Interface {
    Dict properties;  // Those that exist now.
    std::map<std::string, Setter> setters;
    struct Declared {
      std::string in, out;  // signatures
      Method method;
    };
    std::map<std::string, Declared> methods;
  };

  explicit Tree(Bus& bus) : bus_(bus) {}

  // Puts an interface on the object at `path`, which is made if need be, and says so.
  void Add(const std::string& path, const std::string& interface, Interface made);
  // Takes one interface away, or the object with all of them; says so.
  void Remove(const std::string& path, const std::string& interface);
  void Remove(const std::string& path);
  bool Has(const std::string& path) const { return objects_.contains(path); }

  // nullptr when there is none.
  const Value* Find(const std::string& path, const std::string& interface,
                    const std::string& property) const;
  // Sets properties, and says so in one signal; those that have the value already are left out.
  void Set(const std::string& path, const std::string& interface, const Dict& changed);
  // The same, also when the value is equal.
  void Tell(const std::string& path, const std::string& interface, const std::string& property,
            Value value);
  // The property exists no more: said as invalidated.
  void Clear(const std::string& path, const std::string& interface, const std::string& property);

  // Answers a call to one of the objects, in whatever way; false when there is no such object.
  bool Take(const Call& call);

 private:
  using Object = std::map<std::string, Interface>;

  Interface* At(const std::string& path, const std::string& interface);
  void TakeStandard(const Object& object, const Call& call);
  void TakeProperties(const Object& object, const Call& call);
  void SetProperty(const Object& object, const Call& call, const std::vector<Value>& arguments);
  void TakeManagedObjects(const Call& call);
  std::string Introspection(const std::string& path) const;

  Bus& bus_;
  std::map<std::string, Object> objects_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_TREE_H_
