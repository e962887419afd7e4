#!/usr/bin/env bash
# Trains the networks whose weights ship, and the baselines of the benchmark, one after the other; each takes less than
# two hours on two cores. A run that was stopped goes on by the same command.
#
#   scripts/train_weights.sh DATASET GENERATED RUNS [NAME...]
#
# DATASET: cvxgeom prepare DIR_OF_SH3F --split-file benchmarks/furniture_split.csv --rgb -o DATASET.
# GENERATED: cvxgeom prepare generated:1000 -o GENERATED. RUNS: a folder for the runs. NAME: only these.
set -euo pipefail
dataset=$1 generated=$2 runs=$3
shift 3
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    for kind in furniture occupancy voxel; do names+=("$kind-depth20" "$kind-depth1" "$kind-rgb1"); done
fi
mkdir -p "$runs"
for name in "${names[@]}"; do
    # One view is learned after several, and color after depth. What no view shows is learned from furniture alone.
    more=()
    case $name in
        furniture-depth1) more=("$generated") start=(--furniture --init "$runs/furniture-depth20-third/model.safetensors") ;;
        *-depth1) start=(--furniture --init "$runs/${name%1}20/model.safetensors") ;;
        *-rgb1)
            # How far pixels are is learned first: alone and from all shapes in two turns, then with solids and from
            # furniture. Every decoder goes on with that depth, as it is, and with what it learned of measured depth.
            depth="$runs/furniture-rgb1-depth" joint="$runs/furniture-rgb1-joint" one="$runs/furniture-depth1"
            if [ ! -f "$depth/model.safetensors" ]; then
                python -m cvxgeom train "$dataset" -o "$depth-first" --preset furniture-rgb1-depth-first --cache \
                    --init "$one/model.safetensors"
                python -m cvxgeom train "$dataset" -o "$depth" --preset furniture-rgb1-depth --cache \
                    --init "$depth-first/model.safetensors"
            fi
            if [ ! -f "$joint/model.safetensors" ]; then
                python -m cvxgeom train "$dataset" -o "$joint" --preset furniture-rgb1-joint --cache --furniture \
                    --init "$one/model.safetensors" --init "$depth/model.safetensors"
            fi
            start=(--furniture --init "$runs/${name%-rgb1}-depth1/model.safetensors" --init "$joint/model.safetensors")
            ;;
        *)
            # What lies outside of an object's box counts from the second turn on. Ours has two more, with furniture drawn
            # at random besides.
            python -m cvxgeom train "$dataset" -o "$runs/$name-first" --preset "$name-first" --cache
            start=(--init "$runs/$name-first/model.safetensors")
            if [ "$name" = furniture-depth20 ]; then
                python -m cvxgeom train "$dataset" -o "$runs/$name-second" --preset "$name-second" --cache "${start[@]}"
                more=("$generated")
                python -m cvxgeom train "$dataset" "${more[@]}" -o "$runs/$name-third" --preset "$name-third" --cache \
                    --init "$runs/$name-second/model.safetensors"
                start=(--init "$runs/$name-third/model.safetensors")
            fi
            ;;
    esac
    python -m cvxgeom train "$dataset" "${more[@]}" -o "$runs/$name" --preset "$name" --cache "${start[@]}"
done
