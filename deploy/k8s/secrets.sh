#!/usr/bin/env bash
# Print the secrets of a region as Kubernetes takes them; what FOLDER lacks of passwords and keys is made and kept there.
#   deploy/k8s/secrets.sh FOLDER | kubectl --namespace smartplus apply --server-side -f -
# FOLDER has the region's secret: keep it, and keep it from others. MONGO_HOST and MONGO_REPLICA_SET name a MongoDB of
# your own, as the ConfigMap "region" must too. Needs `smartplus` and `kubectl`; asks no cluster.
set -euo pipefail
umask 077
folder=${1:?"name the folder where the passwords are kept"}
mkdir -p "$folder"
test -s "$folder/smartplus" || head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > "$folder/smartplus"
smartplus admin make-nats-accounts "$folder" \
  --host nats-0.nats-nodes:4222 --host nats-1.nats-nodes:4222 --host nats-2.nats-nodes:4222
smartplus admin make-mongo-users "$folder" \
  --host "${MONGO_HOST:-mongo-svc:27017}" --replica-set "${MONGO_REPLICA_SET:-mongo}"

secret() {
  echo ---
  kubectl create secret generic --dry-run=client --output yaml "$@"
}
# Each service has a folder of its name, with how it enters NATS in it.
for entry in "$folder"/*/NATS_URL; do
  service=$(basename "$(dirname "$entry")")
  cp "$folder/smartplus" "$folder/$service/smartplus"
  secret "$service" --from-file "$folder/$service"
done
secret operator --from-file "$folder"
secret nats --from-file "$folder/nats-accounts.conf"
secret mongo-operator --from-file "$folder/mongo/operator"
