package Gate;

# A server that holds: no clock decides what comes before what.
#
#   my $gate = Gate->new;
#   my $sink = Mail::Wire::Sink->new(final => $gate->rule);    # or any other rule; rule('451 later') is what it says in the end
#   ... a client begins ...
#   ok($gate->await, 'a message is there');                    # for a minute; is_reached does not wait
#   ... what is to come before the reply ...
#   $gate->open;
#
# What is asked of the sink meanwhile waits for its answer. A gate that goes is open.

use strict;
use warnings;

use CommandTest ();
use File::Temp ();

sub new { return bless { folder => File::Temp->newdir }, $_[0] }

# Runs in the sink's process.
sub rule {
    my ($self, $reply) = @_;
    my $folder = "$self->{folder}";
    return sub {
        CommandTest::write_file("$folder/reached", '') if -d $folder;
        select undef, undef, undef, 0.01 while -d $folder and not -e "$folder/open";
        return $reply;
    };
}

sub is_reached { return -e "$_[0]{folder}/reached" ? 1 : 0 }

sub await {
    my ($self) = @_;
    return CommandTest::wait_for(sub { $self->is_reached });
}

sub open {
    my ($self) = @_;
    CommandTest::write_file("$self->{folder}/open", '');
    return;
}

1;
