def test_it(client, database):
    assert client.get("/").status_code == 404

def test_live(live_server):
    assert live_server.client.get("/").status_code == 404
