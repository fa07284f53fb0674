// What `madoguchi help` says.
#include "ui/terminal/command_line.h"
#include "ui/terminal/text.h"

namespace madoguchi::terminal {
namespace {

constexpr Phrase kUsage(
    R"(使い方: madoguchi コマンド [オプション]

  check --method pin|visual   資格を確認する
      --counter NAME          窓口（一つだけなら省略可）
      --json                  結果を check.v1.Verdict の JSON で標準出力に一行（途中経過は標準エラー出力）
      --pin-fd N              暗証番号を記述子 N から一行ずつ読む（引数では渡せない）
      --staff-only            患者側の操作は別の画面で行う
      --same-card             「置かれているのはこの患者のカード」と答える
      --yes                   写真の確認に「はい」と答える（試験用。実際の窓口では使わない）
      終了コード: 0 有効、1 無効など、2 確認できない、64 使い方の誤り
  patient [--counter NAME] [--once] [--pin-fd N]
                              患者用の画面（--once: 一件が閉じられたら終わる）
  close [--counter NAME]      窓口に残っている確認を取り消して閉じる
  readers [--watch] [--json]  カードリーダーの一覧（メーカー、状態、カードの種類、電池）
  doctor [--json]             カードが読めない原因を調べ、対応を表示する
      終了コード: 0 問題なし、1 原因が見つかった、2 調べられなかった、64 使い方の誤り
  plugins [list] [--json]     プラグインの一覧
  plugins show NAME           プラグインの作成者、求める権限、ダイジェスト、最近のログ
  plugins approve NAME [--digest HEX] [--yes]
                              内容を確かめて承認し、動かす（管理者。--yes: たずねない）
  plugins replace NAME [--digest HEX] [--yes]
                              動いているものを、置かれた新しい版に入れ替える（進んでいる確認は失われない。管理者）
  plugins revoke NAME         承認を取り消して止める（管理者）
  plugins restart NAME        動かし直す（管理者）
  counters                    窓口の一覧
  devices list                登録された端末の一覧
  devices add NAME --role staff|patient|admin --out FILE [--address HOST:PORT]
                              端末を登録し、その端末ファイルを書く
  devices remove NAME         端末の登録を消す
  version                     版を表示する
  help                        この説明

接続先:
  --socket PATH               このパソコンの窓口システム（省略時
                              $MADOGUCHI_SOCKET、
                              $XDG_RUNTIME_DIR/madoguchi/desk.sock、/run/madoguchi/desk.sock）
  --device FILE [--host ADDRESS]
                              ほかの機械の窓口システム（端末ファイルで接続）
)",
    R"(Usage: madoguchi COMMAND [FLAGS]

  check --method pin|visual   check one patient's insurance
      --counter NAME          the counter; not needed where there is only one
      --json                  the verdict as one line of JSON (check.v1.Verdict) on standard
                              output, the progress on standard error
      --pin-fd N              read PINs from descriptor N, one a line (never an argument)
      --staff-only            the patient has a screen of their own
      --same-card             answer that the card that lies there is this patient's
      --yes                   answer yes to the photo question; for trials, not for a real counter
      exit status: 0 eligible, 1 not eligible, 2 cannot tell, 64 wrong usage
  patient [--counter NAME] [--once] [--pin-fd N]
                              the patient's screen; --once: until one check was closed
  close [--counter NAME]      cancel and close the check that stands at a counter
  readers [--watch] [--json]  the card readers: maker, state, kind of card, battery
  doctor [--json]             find why a card is not read, and what to do about it
      exit status: 0 nothing is wrong, 1 something was found, 2 could not examine, 64 wrong usage
  plugins [list] [--json]     the plugins
  plugins show NAME           a plugin's maker, the permissions it asks for, its digest, its log
  plugins approve NAME [--digest HEX] [--yes]
                              look at it, say yes to it, and run it (admin; --yes: do not ask)
  plugins replace NAME [--digest HEX] [--yes]
                              let the version that lies there take over from the one that runs;
                              no check under way is lost (admin)
  plugins revoke NAME         take the approval back, and stop it (admin)
  plugins restart NAME        stop and start it (admin)
  counters                    the counters
  devices list                the registered devices
  devices add NAME --role staff|patient|admin --out FILE [--address HOST:PORT]
                              register a device and write its device file
  devices remove NAME         strike a device off
  version                     show the version
  help                        show this

Where the host is:
  --socket PATH               on this machine; by default $MADOGUCHI_SOCKET, else
                              $XDG_RUNTIME_DIR/madoguchi/desk.sock, else /run/madoguchi/desk.sock
  --device FILE [--host ADDRESS]
                              on another machine, with a device file
)");

}  // namespace

std::string Usage(Language language) { return kUsage.In(language); }

}  // namespace madoguchi::terminal
