"""Who an advertiser may speak to: leads with a lawful basis, and audiences made of them."""
