-- Orders of one day have no order among themselves: order_id breaks the tie, so that every run numbers alike.
with items as (
    select
        order_id,
        sum(supply_cost)::decimal(18, 2) as order_cost,
        sum(product_price)::decimal(18, 2) as order_items_subtotal,
        count(*) filter (where is_food_item) as count_food_items,
        count(*) filter (where is_drink_item) as count_drink_items,
        count(*) as count_order_items
    from order_items
    group by order_id
)

select
    stg_orders.order_id,
    stg_orders.location_id,
    stg_orders.customer_id,
    stg_orders.subtotal_cents,
    stg_orders.tax_paid_cents,
    stg_orders.order_total_cents,
    stg_orders.subtotal,
    stg_orders.tax_paid,
    stg_orders.order_total,
    stg_orders.ordered_at,
    items.order_cost,
    items.order_items_subtotal,
    items.count_food_items,
    items.count_drink_items,
    items.count_order_items,
    items.count_food_items > 0 as is_food_order,
    items.count_drink_items > 0 as is_drink_order,
    row_number() over (
        partition by stg_orders.customer_id
        order by stg_orders.ordered_at, stg_orders.order_id
    ) as customer_order_number
from stg_orders
left join items on items.order_id = stg_orders.order_id
