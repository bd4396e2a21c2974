# Set FourEyes up beside this script, where that is still to do, and run it (Windows):
#   scripts\start.ps1 [what `foureyes run` takes], for example: scripts\start.ps1 --source demo --duration 60
$ErrorActionPreference = 'Stop'

$repository = Split-Path -Parent $PSScriptRoot
$venv = Join-Path $repository '.venv'
$venvPython = Join-Path $venv 'Scripts\python.exe'

function Find-Python {
    foreach ($candidate in 'python', 'python3', 'py') {
        if (-not (Get-Command $candidate -ErrorAction SilentlyContinue)) { continue }
        & $candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>$null
        if ($LASTEXITCODE -eq 0) { return $candidate }
    }
    throw 'FourEyes needs Python 3.11 or newer, and there is none on the PATH; install it from python.org.'
}

if (-not (Test-Path $venvPython)) {
    & (Find-Python) -m venv $venv
    if ($LASTEXITCODE -ne 0) {
        Remove-Item -Recurse -Force $venv -ErrorAction SilentlyContinue
        throw "The virtual environment $venv could not be made."
    }
}

$inputs = 'pyproject.toml', 'constraints.txt' | ForEach-Object { Join-Path $repository $_ }
$wanted = ((Get-FileHash $inputs).Hash + $repository) -join ' '
$stamp = Join-Path $venv 'foureyes-installed'
if (-not (Test-Path $stamp) -or (Get-Content -Raw $stamp).Trim() -ne $wanted) {
    Write-Host "Installing FourEyes into $venv; this takes about a minute, and is done again only when its dependencies change."
    & $venvPython -m pip install --quiet --disable-pip-version-check -c $inputs[1] -e $repository
    if ($LASTEXITCODE -ne 0) { throw 'The installation failed; what pip said about it stands above.' }
    Set-Content $stamp $wanted
}

& (Join-Path $venv 'Scripts\foureyes.exe') run @args
exit $LASTEXITCODE
