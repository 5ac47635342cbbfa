# What holds and what does not, counted.

held=0
failed=0

check() { # check WHAT COMMAND…
  local what=$1
  shift
  if "$@" >"$work/check.log" 2>&1; then
    held=$((held + 1))
    echo "  ok      $what"
  else
    failed=$((failed + 1))
    echo "  FAILED  $what"
    sed 's/^/          /' "$work/check.log" | tail -n 20
  fi
}
says() { # says TEXT COMMAND…: what the command prints has the text in it, whatever its exit code
  local text=$1 said
  shift
  said=$("$@" 2>&1) || true
  [[ $said == *"$text"* ]] || {
    echo "said: $said"
    return 1
  }
}
exits() { # exits CODE COMMAND…
  local code=$1 status=0
  shift
  "$@" || status=$?
  [ "$status" = "$code" ] || {
    echo "exit code $status"
    return 1
  }
}
within() { # within SECONDS COMMAND…: asks until it is so
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.5
  done
}
absent() { [ ! -e "$1" ] || { echo "$1 is there" && return 1; }; }
report() {
  echo "$held of $((held + failed)) hold"
  [ "$failed" = 0 ]
}
