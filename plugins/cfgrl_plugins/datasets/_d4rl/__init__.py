"""What is known of D4RL's data sets without reading them."""
