"""Checks what helm rendered (standard input) and reports what is wrong.

  assert.py objects [--values FILE]   every object of the chart convene, including the hook of helm uninstall
  assert.py plain                     what may be passed to kubectl apply: no hook
  assert.py definitions [--kept]      the chart convene-crds
  assert.py rights                    prints the roles, for comparison with rbac.golden.yaml
"""

import json
import sys

import yaml

NAMESPACE = "convene-system"
CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
STANDARD_LABELS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
)
problems = []


def expect(fact, message):
    if not fact:
        problems.append(message)


def title(item):
    return f"{item['kind']} {item['metadata']['name']}"


def of_kind(items, *kinds):
    return [item for item in items if item["kind"] in kinds]


def check_metadata(item):
    for label in STANDARD_LABELS:
        expect(label in item["metadata"].get("labels", {}), f"{title(item)} has no label {label}")
    namespace = item["metadata"].get("namespace")
    expected = None if item["kind"] in CLUSTER_WIDE else NAMESPACE
    expect(namespace == expected, f"{title(item)} is in namespace {namespace}, not {expected}")


def check_restricted(deployment):
    """Pod Security Standard "restricted", and a read-only root file system."""
    pod, name = deployment["spec"]["template"]["spec"], title(deployment)
    security = pod["securityContext"]
    expect(security["runAsNonRoot"] is True and security["runAsUser"] > 0, f"{name} may run as root")
    expect(security["seccompProfile"] == {"type": "RuntimeDefault"}, f"{name} has no seccomp profile")
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        expect(not pod.get(field), f"{name} sets {field}")
    for volume in pod.get("volumes", []):
        expect("hostPath" not in volume, f"{name} mounts a path of its node")
    for container in pod["containers"]:
        security = container["securityContext"]
        expect(security["allowPrivilegeEscalation"] is False, f"{name} may escalate privileges")
        expect(security["readOnlyRootFilesystem"] is True, f"{name} can write its root file system")
        expect(security["capabilities"] == {"drop": ["ALL"]}, f"{name} keeps capabilities")
        expect(not any("hostPort" in port for port in container.get("ports", [])), f"{name} takes host ports")


def check_running(deployment):
    """What keeps the program healthy: probes on ports that exist, requests, a memory limit, a token only where it is used."""
    name, pod = title(deployment), deployment["spec"]["template"]["spec"]
    for container in pod["containers"]:
        ports = {port["name"] for port in container["ports"]}
        for probe in ("livenessProbe", "readinessProbe"):
            expect(container[probe]["httpGet"]["port"] in ports, f"{name}: {probe} asks a port that does not exist")
        paths = [container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")]
        expect(paths == ["/healthz", "/readyz"], f"{name}: probes ask {paths}")
        expect("memory" in container["resources"]["limits"], f"{name} has no memory limit")
        mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
        expect(mounts == {volume["name"] for volume in pod.get("volumes", [])}, f"{name}: volumes and mounts differ")


def check_placement(deployment):
    """Replicas of one version are on different nodes, and leave a lost node within a minute."""
    name, pod = title(deployment), deployment["spec"]["template"]["spec"]
    (spread,) = pod["topologySpreadConstraints"]
    hard = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor"}
    expect(hard.items() <= spread.items(), f"{name} may have its replicas on one node")
    expect(spread["matchLabelKeys"] == ["pod-template-hash"], f"{name}: replicas of an old version count when new ones are placed")
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        seconds = [one["tolerationSeconds"] for one in pod["tolerations"] if one.get("key") == key]
        expect(len(seconds) == 1 and seconds[0] <= 60, f"{name} stays on a node with {key} for {seconds} seconds")


def check_selectors(items):
    pods = [item["spec"]["template"] for item in of_kind(items, "Deployment")]
    for item in of_kind(items, "Service", "PodDisruptionBudget", "Deployment"):
        selector = item["spec"]["selector"]
        selector = selector.get("matchLabels", selector).items()
        found = [pod for pod in pods if selector <= pod["metadata"]["labels"].items()]
        expect(len(found) == 1, f"{title(item)} selects {len(found)} Deployments, not 1")
        for port in item["spec"].get("ports", []):
            names = {p["name"] for pod in found for c in pod["spec"]["containers"] for p in c["ports"]}
            expect(port["targetPort"] in names, f"{title(item)} sends to the unknown port {port['targetPort']}")


def check_bindings(items):
    """Every referenced account, role and binding exists, and every pod has its own account."""
    names = {(item["kind"], item["metadata"]["name"]) for item in items}
    for item in of_kind(items, "RoleBinding", "ClusterRoleBinding"):
        expect((item["roleRef"]["kind"], item["roleRef"]["name"]) in names, f"{title(item)} names an unknown role")
        for subject in item["subjects"]:
            expect(("ServiceAccount", subject["name"]) in names, f"{title(item)} names an unknown account")
            expect(subject["namespace"] == NAMESPACE, f"{title(item)} names an account of another namespace")
    for item in of_kind(items, "Deployment"):
        account = item["spec"]["template"]["spec"]["serviceAccountName"]
        expect(("ServiceAccount", account) in names, f"{title(item)} uses the unknown account {account}")


def check_rules(items):
    for item in of_kind(items, "Role", "ClusterRole"):
        for rule in item["rules"]:
            if not {"apiGroups", "resources", "verbs"} <= rule.keys():
                problems.append(f"{title(item)} has a broken rule: {rule}")
                continue
            expect("*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"], f"{title(item)} uses a wildcard")
            if {"secrets", "configmaps"} & set(rule["resources"]):
                expect(rule.get("resourceNames"), f"{title(item)} reaches every Secret or ConfigMap")
                expect(item["kind"] == "Role", f"{title(item)} reaches Secrets of all namespaces")


def check_reach(items):
    """Outside the release namespace, nothing is changed but Meetings (their status; expired ones are deleted), their backups and events."""
    allowed = {("meetings", "delete"), ("meetings/status", "patch"), ("events", "create"), ("events", "patch")}
    allowed |= {("meetingbackups", verb) for verb in ("create", "delete", "patch")}
    for item in of_kind(items, "ClusterRole"):
        rights = {(resource, verb) for rule in item["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
        extra = {right for right in rights if right[1] not in ("get", "list", "watch")} - allowed
        expect(not extra, f"{title(item)} may do this in all namespaces: {sorted(extra)}")
        if item["metadata"]["name"].endswith("router"):
            expect(all(verb in ("get", "list", "watch") for _, verb in rights), f"{title(item)} may write")


def check_named_objects(items):
    """Names in the environment of the programs refer to objects of this release."""
    names = {item["metadata"]["name"] for item in of_kind(items, "Secret", "ConfigMap")}
    for item in of_kind(items, "Deployment"):
        for variable in item["spec"]["template"]["spec"]["containers"][0]["env"]:
            if variable["name"].startswith("CONVENE_ADMISSION_KEY"):
                expect(variable["value"] in names, f"{title(item)}: {variable['name']} names {variable['value']}, which is not there")
    for item in of_kind(items, "Secret", "ConfigMap"):
        expect(not {"data", "stringData"} & item.keys(), f"{title(item)} carries data, which an upgrade would write back")


def check_join_secrets(items, values):
    """The router gets the names of the Secrets with join keys and TURN credentials from the values, and may read only those."""
    router = next(item for item in of_kind(items, "Deployment") if item["metadata"]["name"] == "convene-router")
    env = {variable["name"]: variable.get("value") for variable in router["spec"]["template"]["spec"]["containers"][0]["env"]}
    given, pool = values.get("router", {}), values.get("defaultPool", {})
    keys = given.get("joinKeySecrets", ["convene-join-keys"])
    turn = list(given.get("turnSecrets", []))
    if pool.get("enabled", True):
        turn += [server["credentialsSecret"] for server in pool.get("iceServers", []) if "credentialsSecret" in server]
    expect(env["CONVENE_JOIN_KEY_SECRETS"] == ",".join(keys), f"{title(router)}: join keys are in {env['CONVENE_JOIN_KEY_SECRETS']}")
    expect(set(env["CONVENE_TURN_SECRETS"].split(",")) == set(turn or [""]), f"{title(router)}: TURN credentials are in {env['CONVENE_TURN_SECRETS']}")
    role = next(item for item in of_kind(items, "Role") if item["metadata"]["name"] == "convene-router")
    allowed = {name for rule in role["rules"] if rule["resources"] == ["secrets"] for name in rule["resourceNames"]}
    expect(allowed == {env["CONVENE_ADMISSION_KEY_SECRET"], *keys, *turn}, f"{title(role)} may read {sorted(allowed)}")


def check_lease(items):
    """The operator may use the configured lease only; it is deleted with the release."""
    operator = next(item for item in of_kind(items, "Deployment") if item["metadata"]["name"] == "convene-operator")
    env = {variable["name"]: variable for variable in operator["spec"]["template"]["spec"]["containers"][0]["env"]}
    role = next(item for item in of_kind(items, "Role") if item["metadata"]["name"] == "convene-operator")
    for rule in role["rules"]:
        if rule["resources"] == ["leases"] and rule["verbs"] != ["create"]:
            expect(rule.get("resourceNames") == [env["CONVENE_LEASE_NAME"]["value"]], f"{title(role)} names the wrong lease")
    lease = [item for item in of_kind(items, "Lease") if item["metadata"]["name"] == env["CONVENE_LEASE_NAME"]["value"]]
    expect(lease and "spec" not in lease[0], "the lease is not there to be removed with the release, or says who holds it")
    expect(env["POD_NAME"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}, f"{title(operator)} does not know its name")
    strategy = operator["spec"]["strategy"]
    expect(strategy["type"] == "RollingUpdate", f"{title(operator)} is replaced with the strategy {strategy}")


def check_uninstall(items, values):
    """helm uninstall runs the operator's image before anything is removed, with separate RBAC rules, and leaves nothing of that behind."""
    given = {"drain": True, "timeoutSeconds": 240, **values.get("uninstall", {})}
    hooks = [item for item in items if "helm.sh/hook" in item["metadata"].get("annotations", {})]
    kinds = sorted(item["kind"] for item in hooks)
    expect(kinds == ["ClusterRole", "ClusterRoleBinding", "Job", "Role", "RoleBinding", "ServiceAccount"], f"the hooks are {kinds}")
    weights = {item["kind"]: int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in hooks}
    for item in hooks:
        annotations = item["metadata"]["annotations"]
        expect(annotations["helm.sh/hook"] == "pre-delete", f"{title(item)} is a hook of {annotations['helm.sh/hook']}")
        expect(annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded", f"{title(item)} stays")
        expect(item["kind"] == "Job" or weights[item["kind"]] < weights["Job"], f"{title(item)} comes too late")
    job = next(item for item in hooks if item["kind"] == "Job")
    check_restricted(job)
    annotations = job["spec"]["template"]["metadata"].get("annotations", {})
    expect(annotations == values.get("operator", {}).get("podAnnotations", {}), f"{title(job)}: its pod has the annotations {annotations}")
    pod = job["spec"]["template"]["spec"]
    (container,), drain = pod["containers"], str(given["drain"]).lower()
    wanted = ["uninstall", f"--timeout-seconds={given['timeoutSeconds']}", f"--drain={drain}"]
    expect(container["args"] == wanted, f"{title(job)} runs {container['args']}")
    expect(job["spec"]["activeDeadlineSeconds"] > given["timeoutSeconds"], f"{title(job)} is cut off before it can say what is left")
    expect(pod["restartPolicy"] == "Never" and job["spec"]["backoffLimit"] == 0, f"{title(job)} is started again")
    operator = next(item for item in of_kind(items, "Deployment") if item["metadata"]["name"] == "convene-operator")
    acting = operator["spec"]["template"]["spec"]["containers"][0]
    lease = [entry["value"] for c in (acting, container) for entry in c["env"] if entry["name"] == "CONVENE_LEASE_NAME"]
    expect(container["image"] == acting["image"] and lease[0] == lease[1], f"{title(job)} is not of the operator")
    names = {item["metadata"]["name"] for item in of_kind(hooks, "ServiceAccount")}
    expect(pod["serviceAccountName"] in names, f"{title(job)} uses the account {pod['serviceAccountName']}")


def check_plain(items):
    """kubectl would apply a hook like any object, and the uninstall would start."""
    for item in items:
        expect("helm.sh/hook" not in item["metadata"].get("annotations", {}), f"{title(item)} is a hook")
        expect(item["kind"] not in ("Job", "CronJob", "Pod"), f"{title(item)} runs at once")
    expect(len(of_kind(items, "Deployment")) == 2, "operator and router are not both there")


def check_pool_policy(items):
    """kubectl warns about pools that no operator serves, that have too few ports, and that are being deleted."""
    (policy,) = of_kind(items, "ValidatingAdmissionPolicy")
    (binding,) = of_kind(items, "ValidatingAdmissionPolicyBinding")
    found = [validation["expression"] for validation in policy["spec"]["validations"]]
    for word in (f"'{NAMESPACE}'", "variables.pods", "!has(object.metadata.deletionTimestamp)"):
        expect(any(word in expression for expression in found), f"{title(policy)} says nothing of {word}")
    expect(binding["spec"]["validationActions"] == ["Warn"], f"{title(binding)} does more than warn")


def check_exposure(items, router):
    """Ingress and HTTPRoute exist if enabled, and route to the router."""
    ingress, route = router.get("ingress", {}), router.get("httpRoute", {})
    ingresses, routes = of_kind(items, "Ingress"), of_kind(items, "HTTPRoute")
    expect(len(ingresses) == int(ingress.get("enabled", False)), f"{len(ingresses)} Ingresses were rendered")
    expect(len(routes) == int(route.get("enabled", False)), f"{len(routes)} HTTPRoutes were rendered")
    for item in ingresses:
        rule = item["spec"]["rules"][0]
        backend = rule["http"]["paths"][0]["backend"]["service"]
        expect((rule["host"], backend["name"]) == (ingress["host"], "convene-router"), f"{title(item)} leads to {rule}")
        annotations = item["metadata"]["annotations"]
        expect(int(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) >= 600, f"{title(item)} cuts signaling")
        expect(ingress.get("annotations", {}).items() <= annotations.items(), f"{title(item)} lacks given annotations")
    for item in routes:
        expect(item["spec"]["parentRefs"] == route["parentRefs"], f"{title(item)} belongs to another Gateway")
        expect(item["spec"]["rules"][0]["backendRefs"][0]["name"] == "convene-router", f"{title(item)} leads elsewhere")


def check_metrics(items):
    """Metrics of the router have a Service inside the cluster; Services that may be public do not expose them."""
    metrics = next((item for item in of_kind(items, "Service") if item["metadata"]["name"] == "convene-router-metrics"), None)
    if metrics is None:
        problems.append("the router's metrics have no Service")
        return
    expect(metrics["spec"].get("type", "ClusterIP") == "ClusterIP", f"{title(metrics)} is reachable from outside")
    expect([port["targetPort"] for port in metrics["spec"]["ports"]] == ["metrics"], f"{title(metrics)} leads to {metrics['spec']['ports']}")
    for item in of_kind(items, "Service"):
        leads = any(port["targetPort"] == "metrics" for port in item["spec"]["ports"])
        expect(item is metrics or not leads, f"{title(item)} leads to the metrics")


def check_settings(items, router):
    """The router's settings in its environment."""
    deployment = next(i for i in of_kind(items, "Deployment") if i["metadata"]["name"] == "convene-router")
    env = {entry["name"]: entry.get("value") for entry in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    expect(env["CONVENE_TRUSTED_PROXIES"] == ",".join(router.get("trustedProxies", [])), "trusted proxies are not passed on")
    expect(env["CONVENE_ALLOWED_ORIGINS"] == ",".join(router.get("allowedOrigins", [])), "allowed origins are not passed on")
    expect(env["CONVENE_EMBED_ORIGINS"] == ",".join(router.get("embedOrigins", [])), "origins that may embed are not passed on")
    rates = {"CONVENE_JOIN_RATE": "joinsPerAddress", "CONVENE_MEETING_JOIN_RATE": "joinsPerMeeting", "CONVENE_REQUEST_RATE": "requestsPerAddress"}
    for variable, name in rates.items():
        given = router.get("limits", {}).get(name)
        expect(given is None or env[variable] == str(given), f"{variable} is {env[variable]}, not {given}")


def check_given_values(items, values):
    """The given values appear in the rendered objects."""
    pools, service = of_kind(items, "MediaPool"), next(i for i in of_kind(items, "Service") if i["metadata"]["name"] == "convene-router")
    given = values.get("defaultPool", {})
    expect(len(pools) == (1 if given.get("enabled", True) else 0), f"{len(pools)} pools were rendered")
    for pool in pools:
        for key, value in given.items():
            expect(pool["spec"].get(key) == value, f"{title(pool)}: {key} is {pool['spec'].get(key)}, not {value}")
        expect("enabled" not in pool["spec"], f"{title(pool)} has the field enabled, which is the chart's own")
    router = values.get("router", {})
    check_exposure(items, router)
    check_settings(items, router)
    check_metrics(items)
    expect(service["spec"]["type"] == router.get("service", {}).get("type", "ClusterIP"), f"{title(service)} has the wrong type")
    ports = {port["name"]: port.get("nodePort") for port in service["spec"]["ports"]}
    expect(("https" in ports) == bool(router.get("tls")), f"{title(service)} has the ports {ports}")
    expect(("demo" in ports) == router.get("demo", {}).get("enabled", False), f"{title(service)} has the ports {ports}")
    for name in ports:
        wanted = router.get("demo", {}).get("nodePort") if name == "demo" else router.get("service", {}).get(f"{name}NodePort")
        expect(ports[name] == wanted, f"{title(service)}: node port of {name} is {ports[name]}, not {wanted}")
    replicated = {name for name in ("operator", "router") if values.get(name, {}).get("replicas", 2) > 1}
    guarded = {item["metadata"]["labels"]["app.kubernetes.io/component"] for item in of_kind(items, "PodDisruptionBudget")}
    expect(guarded == replicated, f"disruption budgets are there for {sorted(guarded)}, not {sorted(replicated)}")
    rotation = values.get("operator", {}).get("keyRotationDays", 30)
    operator = next(item for item in of_kind(items, "Deployment") if item["metadata"]["name"] == "convene-operator")
    env = {variable["name"]: variable.get("value") for variable in operator["spec"]["template"]["spec"]["containers"][0]["env"]}
    expect(env.get("CONVENE_KEY_ROTATION_DAYS") == str(rotation), f"{title(operator)}: keys are not rotated after {rotation} days")
    image = values.get("image", {})
    for item in of_kind(items, "Deployment"):
        found = item["spec"]["template"]["spec"]["containers"][0]["image"]
        expect(found.startswith(image.get("registry", "ghcr.io/convene-dev") + "/convene-"), f"{title(item)} uses the image {found}")
        expect(found.endswith(":" + image.get("tag", "0.1.0")), f"{title(item)} uses the image {found}")


def check_objects(items, values):
    for item in items:
        check_metadata(item)
    names = [(item["kind"], item["metadata"]["name"]) for item in items]
    expect(len(names) == len(set(names)), "two objects have the same name")
    for item in of_kind(items, "Deployment"):
        check_restricted(item)
        check_running(item)
        check_placement(item)
    expect(len(of_kind(items, "Deployment")) == 2, "operator and router are not both there")
    for check in (check_selectors, check_bindings, check_rules, check_reach, check_named_objects, check_lease):
        check(items)
    check_given_values(items, values)
    check_uninstall(items, values)
    check_pool_policy(items)
    check_join_secrets(items, values)


def check_definitions(items, kept):
    names = sorted(item["metadata"]["name"] for item in items)
    expect(names == ["mediapools.convene.dev", "meetingbackups.convene.dev", "meetings.convene.dev"], f"the chart renders {names}")
    for item in items:
        policy = item["metadata"].get("annotations", {}).get("helm.sh/resource-policy")
        expect(policy == ("keep" if kept else None), f"{title(item)} has the resource policy {policy}")
        expect("helm.sh/chart" in item["metadata"]["labels"], f"{title(item)} has no label helm.sh/chart")
    check_pool_values(next(item for item in items if item["metadata"]["name"].startswith("mediapools")))


def check_pool_values(definition):
    """The schema of the value defaultPool knows exactly the fields of a MediaPool's spec, and their limits."""
    with open("convene/values.schema.json") as file:
        schema = json.load(file)
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    values = schema["properties"]["defaultPool"]
    own = values["properties"].pop("enabled", None)
    expect(own == {"type": "boolean"}, "values.schema.json: defaultPool.enabled is not there")
    compare_schemas(values, spec, "defaultPool", schema["definitions"])


def compare_schemas(found, wanted, path, definitions):
    if "$ref" in found:
        found = definitions[found["$ref"].rsplit("/", 1)[1]]
    for limit in ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "enum", "required"):
        # For Kubernetes' own types the schema of the values checks what only the API server would.
        if limit in wanted:
            ours, theirs = found.get(limit), wanted[limit]
            if limit == "required":
                ours, theirs = sorted(ours or []), sorted(theirs)
            expect(ours == theirs, f"values.schema.json: {limit} of {path} is {ours}, the MediaPool has {theirs}")
    ours, theirs = found.get("properties", {}), wanted.get("properties", {})
    differing = ours.keys() ^ theirs.keys()
    expect(not differing, f"values.schema.json and the MediaPool differ in {sorted(differing)} of {path}")
    for name in ours.keys() & theirs.keys():
        compare_schemas(ours[name], theirs[name], f"{path}.{name}", definitions)
    if "items" in found and "items" in wanted:
        compare_schemas(found["items"], wanted["items"], f"{path}[]", definitions)


def rights(items):
    found = {title(item): item["rules"] for item in of_kind(items, "Role", "ClusterRole")}
    return yaml.safe_dump(found, default_flow_style=None, width=160).strip()


def main():
    mode, options = sys.argv[1], sys.argv[2:]
    items = [item for item in yaml.safe_load_all(sys.stdin) if item]
    if mode == "rights":
        print("# Written by charts/test.sh --update from what the chart renders.")
        print(rights(items))
    elif mode == "definitions":
        check_definitions(items, "--kept" in options)
    elif mode == "plain":
        check_plain(items)
    else:
        check_objects(items, yaml.safe_load(open(options[1])) if options else {})
    for problem in problems:
        print(f"charts: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
